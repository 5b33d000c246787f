/// Two stages of a request that may be given from outside: who may do what, and what completes a
/// write before it is appended to the log.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/db/request.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/schema/schema.h"

namespace sagitta::db {

/// What a statement would do, and to what. The texts live as long as the call that it is given to.
struct Access {
  enum class Action : uint8_t { kRead, kWrite, kTruncate, kUse, kCreate, kAlter, kDrop };
  enum class Object : uint8_t { kKeyspace, kTable, kType, kIndex };
  Action action{};
  Object object{};
  std::string_view keyspace;
  /// Of a table and of an index; empty for an index that does not exist.
  std::string_view table = {};
  /// Of a type and of an index; empty for an index that is to be named after its column.
  std::string_view name = {};
};

/// Decides what may be done. Thread-safe; must not block.
class Authoriser {
 public:
  virtual ~Authoriser() = default;
  /// kUnauthorized, with the text that the client gets, when `who` may not. Asked before every
  /// statement runs or is kept as a prepared one, once for each thing that it touches.
  virtual Status check(const Identity& who, const Access& access) = 0;
};

/// Everybody may do everything.
Authoriser& permissive_authoriser();

/// A write before it becomes a record of the log. What a statement makes by itself (now(), uuid(),
/// timestamps, moments of expiry) is in it already.
struct Draft {
  /// The user's schema that the record will name.
  schema::SchemaPtr schema;
  std::vector<rows::Mutation> mutations;
  Deadline deadline = {};
  /// Of a conditional write: what its partition, to which all mutations belong, must be like.
  std::vector<rows::RowCondition> conditions = {};
};

/// Makes values that a write lacks. Thread-safe.
class Completer {
 public:
  virtual ~Completer() = default;
  /// Changes `draft`, which lives until then, and calls `done` once: before it returns, or later on
  /// any thread. An error refuses the write: nothing is appended. Past the draft's deadline its
  /// client has been answered, and what is completed is dropped. Must not block.
  virtual void complete(Draft& draft, std::function<void(Status)> done) = 0;
};

/// Has nothing to add to any write.
Completer& idle_completer();

}  // namespace sagitta::db
