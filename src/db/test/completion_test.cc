/// The stage *complete*, with a completer that takes its time: what is answered when, and what is
/// appended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "database_fixture.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr auto kSoon = std::chrono::milliseconds(100);
constexpr auto kLong = std::chrono::seconds(20);

/// Keeps drafts until the test completes them, on a thread of its own.
class SlowCompleter final : public Completer {
 public:
  struct Held {
    Draft* draft;
    std::function<void(Status)> done;
  };
  void complete(Draft& draft, std::function<void(Status)> done) override {
    if (!holds) return done({});
    std::lock_guard lock(mutex_);
    held_.push_back({&draft, std::move(done)});
    came_.notify_all();
  }
  /// The oldest draft that is kept; waits for one.
  Held take() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return !held_.empty(); });
    Held held = std::move(held_.front());
    held_.pop_front();
    return held;
  }
  /// Gives the first text of the write another value, then lets it go on.
  void complete_one(const Bytes& text) {
    std::jthread([this, &text] {
      Held held = take();
      held.draft->mutations.at(0).rows.at(0).cells.at(0).value = text;
      held.done({});
    });
  }

  bool holds = false;

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Held> held_;
};

class CompletionTest : public DatabaseTest {
 protected:
  CompletionTest() {
    machine_.completer = &completer_;
    reopen();
    use_keyspace();
    must("CREATE TABLE t (k int PRIMARY KEY, a text)");
    completer_.holds = true;
  }
  std::future<Result<Answer>> begin(const std::string& text, Deadline deadline = {}) {
    auto done = std::make_shared<std::promise<Result<Answer>>>();
    database_->query(text, {.keyspace = "ks", .deadline = deadline},
                     [done](Result<Answer> answer) { done->set_value(std::move(answer)); });
    return done->get_future();
  }
  std::string applied() const { return database_->state().at("applied"); }

  SlowCompleter completer_;
};

TEST_F(CompletionTest, AWriteIsAppendedAndAnsweredOnceItIsComplete) {
  const std::string before = applied();
  auto answer = begin("INSERT INTO t (k, a) VALUES (1, 'draft')");
  EXPECT_EQ(answer.wait_for(kSoon), std::future_status::timeout);
  EXPECT_EQ(applied(), before);
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre());
  completer_.complete_one("complete");
  EXPECT_EQ(outcome(answer.get()), "ok");
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre("'complete'"));
}

TEST_F(CompletionTest, EveryKindOfWriteIsCompletedAndNothingElse) {
  const auto prepared = database_->prepare("INSERT INTO t (k, a) VALUES (2, 'two')", "ks").value();
  std::vector<std::future<Result<Answer>>> answers;
  answers.push_back(
      begin("BEGIN BATCH INSERT INTO t (k, a) VALUES (1, 'one'); DELETE FROM t WHERE k = 3; APPLY BATCH"));
  EXPECT_THAT(completer_.take(), testing::Field(&SlowCompleter::Held::draft,
                                                testing::Pointee(testing::Field(&Draft::mutations, SizeIs(2)))));
  EXPECT_THAT(outcome(answers.back().get()), HasSubstr("the request was dropped"));  // as `take` was
  std::promise<Result<Answer>> executed, batched;
  database_->execute(prepared->id, {}, [&](Result<Answer> answer) { executed.set_value(std::move(answer)); });
  completer_.complete_one("completed two");
  EXPECT_EQ(outcome(executed.get_future().get()), "ok");
  database_->batch(BatchKind::kLogged, {{.text = "INSERT INTO t (k, a) VALUES (4, 'four')", .prepared_id = {}}},
                   {.keyspace = "ks"}, [&](Result<Answer> answer) { batched.set_value(std::move(answer)); });
  completer_.complete_one("completed four");
  EXPECT_EQ(outcome(batched.get_future().get()), "ok");
  EXPECT_THAT(show("SELECT a FROM t WHERE k IN (1, 2, 4)"), ElementsAre("'completed two'", "'completed four'"));
  must("CREATE TABLE u (k int PRIMARY KEY)");
  must("TRUNCATE t");
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre());
}

TEST_F(CompletionTest, OneThatRefusesAWriteLeavesNothing) {
  const std::string before = applied();
  auto answer = begin("INSERT INTO t (k, a) VALUES (1, 'draft')", Deadline::in_us(machine_.clock, 1'000'000));
  completer_.take().done(fail(ErrorCode::kInvalid, "no vector for 'draft'"));
  EXPECT_EQ(outcome(answer.get()), "Invalid: no vector for 'draft'");
  EXPECT_EQ(applied(), before);
}

TEST_F(CompletionTest, ADeadlineHoldsAndWhatIsCompletedLaterIsDropped) {
  const std::string before = applied();
  auto answer = begin("INSERT INTO t (k, a) VALUES (1, 'draft')", Deadline::in_us(machine_.clock, 1'000'000));
  EXPECT_EQ(answer.wait_for(kSoon), std::future_status::timeout);
  machine_.clock.advance_us(1'000'000);
  EXPECT_THAT(outcome(answer.get()), HasSubstr("WriteTimeout"));
  completer_.complete_one("too late");
  ASSERT_TRUE(database_->stop());
  completer_.holds = false;
  reopen();
  EXPECT_EQ(applied(), before);
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre());
}

/// The log is told when the write ends to be of use, in time of its own.
TEST_F(CompletionTest, ALongCompletionTakesNothingFromTheTimeThatIsLeft) {
  auto answer = begin("INSERT INTO t (k, a) VALUES (1, 'draft')", Deadline::in_us(machine_.clock, 10'000'000));
  machine_.clock.advance_us(9'000'000);
  completer_.complete_one("in time");
  EXPECT_EQ(outcome(answer.get()), "ok");
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre("'in time'"));
}

TEST_F(CompletionTest, StopWaitsForAWriteThatIsBeingCompleted) {
  auto answer = begin("INSERT INTO t (k, a) VALUES (1, 'draft')");
  auto stopped = std::async(std::launch::async, [this] { return database_->stop(); });
  EXPECT_EQ(stopped.wait_for(kSoon), std::future_status::timeout);
  completer_.complete_one("complete");
  EXPECT_EQ(outcome(answer.get()), "ok");
  ASSERT_EQ(stopped.wait_for(kLong), std::future_status::ready);
  EXPECT_TRUE(stopped.get());
  completer_.holds = false;
  reopen();
  EXPECT_THAT(show("SELECT a FROM t"), ElementsAre("'complete'"));
}

}  // namespace
}  // namespace sagitta::db::test
