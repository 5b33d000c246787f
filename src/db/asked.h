/// What a client asked for, in words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "statements.h"

namespace sagitta::db {

/// Of a request from its admission on. Immutable.
struct Asked {
  enum class Kind : uint8_t { kQuery, kPrepared, kBatch };
  Kind kind = Kind::kQuery;
  /// Of a query.
  std::string words = {};
  /// Of a prepared one; null when nobody knows its id.
  StatementPtr prepared = nullptr;
  /// Of a batch.
  size_t statements = 1;

  /// The statement; empty for a batch.
  std::string_view text() const { return prepared ? std::string_view(prepared->text) : words; }
  /// "QUERY SELECT …", "EXECUTE SELECT …", "BATCH of 3 statements"; of a text so many bytes.
  std::string describe(size_t text_bytes_max) const;
};

}  // namespace sagitta::db
