/// The stage *authorise*: no statement runs, and none is kept, without having passed it.
#pragma once

#include "sagitta/db/stages.h"

#include "schemas.h"
#include "statements.h"

namespace sagitta::db {

/// A statement that whoever asked may run, or none. The later stages take nothing else, and only
/// the stage *authorise* makes one.
class Permitted {
 public:
  Permitted() = default;
  explicit operator bool() const { return statement_ != nullptr; }
  const BoundStatement* operator->() const { return statement_.get(); }
  const StatementPtr& share() const { return statement_; }

 private:
  friend class Authorisation;
  explicit Permitted(StatementPtr statement) : statement_(std::move(statement)) {}
  StatementPtr statement_;
};

/// Thread-safe.
class Authorisation {
 public:
  /// Both must outlive it.
  Authorisation(Authoriser& authoriser, const Schemas& schemas) : authoriser_(authoriser), schemas_(schemas) {}

  /// Asks about everything that the statement touches, each statement of a BATCH for itself.
  /// kUnauthorized, as the authoriser says it.
  Result<Permitted> permit(const Identity& who, StatementPtr statement) const;

 private:
  Authoriser& authoriser_;
  const Schemas& schemas_;
};

}  // namespace sagitta::db
