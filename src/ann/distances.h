/// How far slots are from one query: by their codes, by their fine codes, by their stored vectors.
#pragma once

#include <optional>
#include <span>

#include "codec.h"
#include "scratch.h"
#include "search_key.h"
#include "slot_store.h"
#include "vectors.h"

namespace sagitta::ann {

/// What is asked for is on its way to the processor when it is read. Works in a scratch that it does not own; the
/// caller holds a pin. One thread.
class Distances {
 public:
  /// Slots whose codes are read together; as many more are best asked for before.
  static constexpr size_t kTogether = 64;
  /// Vectors best asked for before one is read.
  static constexpr size_t kVectorsAhead = 4;

  /// `codec` is null when there is none yet.
  Distances(const SlotStore& store, const IndexOptions& options, const Codec* codec, std::span<const float> query,
            Scratch& scratch);
  Distances(const Distances&) = delete;
  Distances& operator=(const Distances&) = delete;

  /// The query in stored form.
  std::span<const float> query() const { return scratch_.query; }
  const Codec* codec() const { return codec_; }
  /// Before by_codes() and by_fine_codes().
  void prepare_codes() { codec_->prepare(scratch_.query, scratch_.code_query); }

  /// Of `count` slots, kTogether at most.
  void by_codes(const uint32_t* slots, size_t count, float* out) const;
  void ask_for_codes(std::span<const uint32_t> slots) const;

  bool has_fine_codes() const { return store_.shape().fine_bytes > 0; }
  /// Of keys that have estimates by codes, kTogether at most.
  void by_fine_codes(std::span<const SearchKey> keys, float* out) const;
  void ask_for_fine_code(uint32_t slot) const;

  /// At a level that keeps none, there are vectors until there is a codec.
  bool has_vectors() const { return scorer_.has_value(); }
  bool has_vector(uint32_t slot) const { return !early_ || store_.has_early(slot); }
  float by_vector(uint32_t slot) const { return (*scorer_)(vector(slot)); }
  void ask_for_vector(uint32_t slot) const;

 private:
  const std::byte* vector(uint32_t slot) const;

  const SlotStore& store_;
  Scratch& scratch_;
  const Codec* const codec_;
  const bool early_;  // there are whole vectors only, at a level that keeps none
  std::optional<Scorer> scorer_;
};

}  // namespace sagitta::ann
