/// The stage *admit*: who is let in, and what a stop waits for.
#include "../admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "harness.h"

namespace sagitta::db::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class AdmissionTest : public testing::Test {
 protected:
  /// Its answer is in `answers_` once it has one.
  RequestPtr admit(RequestOptions options = {}) {
    return admission_.admit({.words = "SELECT 1"}, std::move(options),
                            [this](const Result<Answer>& answer) { answers_.push_back(outcome(answer)); });
  }

  Machine machine_{1};
  TimeUuidSource timeuuids_{machine_.clock, machine_.random};
  TraceRing traces_{machine_.clock, timeuuids_};
  MetricsRegistry metrics_;
  SlowQueries slow_queries_{1000, machine_.clock, metrics_};
  Admission admission_{{machine_.clock, machine_.random, timeuuids_}, traces_, thread_loops(), slow_queries_};
  std::vector<std::string> answers_;
};

TEST_F(AdmissionTest, ARequestIsInUntilTheLastOneLetsGo) {
  RequestPtr request = admit();
  ASSERT_NE(request, nullptr);
  RequestPtr other = request;
  EXPECT_FALSE(admission_.wait_empty(0));
  request->finish(Answer{Void{}, {}, {}});
  request.reset();
  EXPECT_FALSE(admission_.wait_empty(0));
  other.reset();
  EXPECT_TRUE(admission_.wait_empty(0));
  EXPECT_THAT(answers_, ElementsAre("ok"));
}

TEST_F(AdmissionTest, ARequestIsAnsweredOnce) {
  const RequestPtr request = admit();
  EXPECT_FALSE(request->is_finished());
  request->finish(fail(ErrorCode::kInvalid, "first"));
  request->finish(fail(ErrorCode::kInvalid, "second"));
  EXPECT_TRUE(request->is_finished());
  EXPECT_THAT(answers_, ElementsAre("Invalid: first"));
}

TEST_F(AdmissionTest, ARequestThatNobodyAnswersIsAnsweredAtItsEnd) {
  admit().reset();
  EXPECT_THAT(answers_, ElementsAre("Server: the request was dropped"));
  EXPECT_TRUE(admission_.wait_empty(0));
}

TEST_F(AdmissionTest, NobodyGetsInOnceItIsClosed) {
  RequestPtr before = admit();
  ASSERT_TRUE(admission_.enter());
  admission_.close();
  EXPECT_EQ(admit(), nullptr);
  EXPECT_THAT(answers_, ElementsAre("Unavailable: the database is stopping"));
  EXPECT_EQ(admission_.enter().error().code(), ErrorCode::kUnavailable);
  before.reset();
  EXPECT_FALSE(admission_.wait_empty(0));
  const std::jthread last([this] { admission_.leave(); });
  EXPECT_TRUE(admission_.wait_empty(20));
}

TEST_F(AdmissionTest, OnlyARequestThatAsksForItIsTraced) {
  EXPECT_EQ(admit()->trace, nullptr);
  EXPECT_THAT(traces_.records(), IsEmpty());
  const RequestPtr traced =
      admit({.consistency = Consistency::kQuorum, .page_size = 7, .tracing = true, .who = {.address = "10.0.0.1"}});
  ASSERT_NE(traced->trace, nullptr);
  traced->finish(fail(ErrorCode::kInvalid, "no"));
  const auto records = traces_.records();
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].client, "10.0.0.1");
  EXPECT_EQ(records[0].request, "Execute CQL3 query");
  EXPECT_THAT(records[0].parameters,
              ElementsAre(Pair("consistency_level", "QUORUM"), Pair("page_size", "7"), Pair("query", "SELECT 1")));
  EXPECT_TRUE(records[0].duration_us.has_value());
  EXPECT_EQ(records[0].events[0].activity, "Invalid: no");
}

}  // namespace
}  // namespace sagitta::db::test
