/// What a stop leaves behind: nothing that is charged to the database's budgets, which end with it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

class StopTest : public DatabaseTest {};

/// An executor lets go of work after the work has said that it is done: by then the budgets, which
/// assert that nothing is charged to them, may be gone.
TEST_F(StopTest, WorkThatIsDoneHoldsNoIndex) {
  reopen({.index_changes_min = 5});
  machine_.workers.keeps_work = true;
  use_keyspace();
  must("CREATE TABLE t (k int PRIMARY KEY, v vector<float, 2>)");
  must("CREATE CUSTOM INDEX i ON t (v) USING 'sai'");
  for (int k = 1; k <= 20; ++k) must(fmt::format("INSERT INTO t (k, v) VALUES ({}, [{}, 1])", k, k));
  const Counter& saved = machine_.metrics.counter("sagitta_index_snapshot_total", "", {{"result", "saved"}});
  while (saved.value() < 1) std::this_thread::yield();
  ASSERT_TRUE(database_->stop());
  database_.reset();
}

}  // namespace
}  // namespace sagitta::db::test
