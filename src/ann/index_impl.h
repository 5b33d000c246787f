/// The parts of an index, shared by its searching and its writing half.
#pragma once

#include <mutex>

#include "sagitta/ann/index.h"

#include "epoch_gate.h"
#include "scratch.h"
#include "slot_store.h"

namespace sagitta::ann {

struct Index::Impl {
  explicit Impl(const IndexOptions& o) : options(o), store(o.dim, o.budget), scratch(o.budget) {}

  Result<Slot> insert(std::span<const float> vector, Expiry expiry);
  Status check() const;

  const IndexOptions options;
  mutable EpochGate gate;
  SlotStore store;
  mutable ScratchPool scratch;
  mutable std::mutex writer;  // taken by everything that changes the store
};

}  // namespace sagitta::ann
