#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "sagitta/load/histogram.h"
#include "sagitta/load/loops.h"
#include "sagitta/load/server_process.h"

namespace sagitta::load {
namespace {

TEST(Histogram, PercentilesAreThoseOfTheSortedValuesToAThousandth) {
  std::mt19937_64 engine(1);
  Histogram histogram, half;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(engine() >> (22 + engine() % 42));  // from 1 ns to an hour
    (i % 2 == 0 ? histogram : half).add(values.back());
  }
  histogram.merge(half);
  std::ranges::sort(values);
  ASSERT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.max_ns(), std::min(values.back(), Histogram::kMaxNs));
  for (const double part : {0.0001, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto at = static_cast<size_t>(std::ceil(part * static_cast<double>(values.size()))) - 1;
    const uint64_t exact = std::min(values[at], Histogram::kMaxNs), got = histogram.percentile_ns(part);
    EXPECT_GE(got, exact) << part;
    EXPECT_LE(got, exact + exact / 1000) << part;
  }
}

TEST(Histogram, OfNothingIsNothing) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile_ns(0.5), 0u);
  histogram.add(UINT64_MAX);
  EXPECT_EQ(histogram.percentile_ns(0.5), Histogram::kMaxNs);
}

/// What the server of these tests has seen; on its core.
struct Seen {
  size_t in_flight = 0, in_flight_max = 0, queries = 0;
};

/// Answers QUERY with nothing, "overloaded" and "broken" with such an error, and after "stall" only
/// once it has slept.
class TinyServer final : public async::ConnectionHandler {
 public:
  TinyServer(async::ConnectionPtr connection, Seen& seen) : connection_(std::move(connection)), seen_(seen) {}

  void on_data(BytesView bytes) override {
    decoder_.feed(bytes);
    std::vector<wire::OutgoingFrame> answers;
    for (auto next = decoder_.next(); next && (next->has_value() || decoder_.has_more()); next = decoder_.next()) {
      if (*next) answers.push_back(answer_to(wire::decode_request(**next).value()));
    }
    seen_.in_flight_max = std::max(seen_.in_flight_max, std::exchange(seen_.in_flight, 0));
    Bytes out;
    encoder_.encode(answers, out);
    if (use_segments_) encoder_.use_segments();
    connection_->send(std::move(out));
  }
  void on_end() override { connection_->finish(); }
  void on_stop() override { connection_->finish(); }
  void on_closed() override { connection_.reset(); }

 private:
  wire::OutgoingFrame answer_to(const wire::Request& request) {
    wire::OutgoingFrame answer{.version = request.version, .stream = request.stream, .opcode = wire::Opcode::kResult};
    if (const auto* startup = std::get_if<wire::Startup>(&request.message)) {
      const auto compression = wire::compression_from_name(startup->find("COMPRESSION").value_or("none"));
      decoder_.set_compression(compression.value_or(wire::Compression::kNone));
      encoder_.set_compression(compression.value_or(wire::Compression::kNone));
      if (request.version >= 5) decoder_.use_segments();
      use_segments_ = request.version >= 5;
      answer.opcode = wire::Opcode::kReady;
      return answer;
    }
    ++seen_.queries;
    ++seen_.in_flight;
    const std::string_view text = std::get<wire::Query>(request.message).text;
    if (text == "stall") std::this_thread::sleep_for(std::chrono::milliseconds(200));
    answer.body = wire::encode_void();
    if (text == "overloaded" || text == "broken") {
      answer.opcode = wire::Opcode::kError;
      const ErrorCode code = text == "broken" ? ErrorCode::kInvalid : ErrorCode::kOverloaded;
      answer.body = wire::encode_error(request.version, wire::to_error_message(Error(code, "why")));
    }
    return answer;
  }

  async::ConnectionPtr connection_;
  Seen& seen_;
  wire::FrameDecoder decoder_{limits::kFrameBytesMax, wire::Sender::kClient, SIZE_MAX};
  wire::FrameEncoder encoder_;
  bool use_segments_ = false;
};

class Load : public ::testing::Test {
 protected:
  Load() {
    endpoint_ = server_
                    ->listen({{"127.0.0.1", 0}, "test"},
                             [this](const async::ConnectionPtr& connection) {
                               return std::make_unique<TinyServer>(connection, seen_);
                             })
                    .value();
  }
  ~Load() override {
    clients_runtime_->stop(0);
    server_->stop(0);
  }
  std::vector<ClientPtr> connect(size_t count, ClientOptions options = {}) {
    options.server = endpoint_;
    std::vector<ClientPtr> clients;
    for (size_t i = 0; i < count; ++i) clients.push_back(Client::open(*clients_runtime_, options).value());
    return clients;
  }

  MetricsRegistry metrics_;
  Seen seen_;
  std::unique_ptr<async::Runtime> server_ = async::make_runtime(1, metrics_);
  std::unique_ptr<async::Runtime> clients_runtime_ = async::make_runtime(1, metrics_);
  async::Endpoint endpoint_;
};

/// Asks one text for all numbers but one.
class Texts final : public Workload {
 public:
  explicit Texts(std::string text, uint64_t other_at = UINT64_MAX, std::string other = {})
      : text_(std::move(text)), other_at_(other_at), other_(std::move(other)) {}
  void ask(Client& client, uint64_t number, Answered answered) override {
    ++asked;
    client.send(wire::Query{number == other_at_ ? other_ : text_, {}}, std::move(answered));
  }
  size_t asked = 0;

 private:
  std::string text_;
  uint64_t other_at_;
  std::string other_;
};

TEST_F(Load, AClientSpeaksEachVersionAndCompression) {
  for (const auto& [version, compression] :
       {std::pair(uint8_t{4}, wire::Compression::kNone), std::pair(uint8_t{4}, wire::Compression::kSnappy),
        std::pair(uint8_t{5}, wire::Compression::kNone), std::pair(uint8_t{5}, wire::Compression::kLz4)}) {
    const auto client = connect(1, {.version = version, .compression = compression})[0];
    const Status large = client->run(std::string(300'000, 'x'));
    EXPECT_TRUE(large) << large.error().to_string();
    const Status overloaded = client->run("overloaded");
    ASSERT_FALSE(overloaded);
    EXPECT_EQ(overloaded.error().to_string(), "Overloaded: why");
  }
}

TEST_F(Load, TheClosedLoopKeepsSoManyInFlight) {
  const auto clients = connect(1);
  for (const uint32_t depth : {1U, 16U}) {
    seen_ = {};
    Texts workload("text");
    const LoopResult result = run_loop(clients, workload, {.depth = depth, .seconds = 60, .requests = 1000});
    EXPECT_EQ(result.answered, 1000u);
    EXPECT_EQ(result.failed, 0u);
    EXPECT_EQ(result.latencies.count(), 1000u);
    EXPECT_EQ(workload.asked, 1000u);
    EXPECT_EQ(seen_.queries, 1000u);
    EXPECT_LE(seen_.in_flight_max, depth);
    EXPECT_EQ(seen_.in_flight_max > 1, depth > 1);
  }
}

TEST_F(Load, TheClosedLoopEndsAtAnErrorThatStays) {
  const auto clients = connect(2);
  Texts overloaded("overloaded"), broken("broken");
  const LoopResult passing = run_loop(clients, overloaded, {.depth = 4, .seconds = 60, .requests = 100});
  EXPECT_EQ(passing.failed, 100u);
  EXPECT_EQ(passing.latencies.count(), 0u);
  const LoopResult staying = run_loop(clients, broken, {.depth = 4, .seconds = 60, .requests = 100});
  EXPECT_EQ(staying.answered, 0u);
  EXPECT_LE(staying.failed, 8u);
  EXPECT_EQ(staying.first_error.value().code(), ErrorCode::kInvalid);
}

TEST_F(Load, AServerThatGoesEndsTheLoop) {
  const auto clients = connect(1);
  server_->stop(0);
  Texts workload("text");
  const LoopResult result = run_loop(clients, workload, {.depth = 4, .seconds = 60});
  EXPECT_EQ(result.first_error.value().code(), ErrorCode::kIo);
}

TEST_F(Load, MoreThanThereAreStreamsWaitForThem) {
  const auto clients = connect(1);
  Texts workload("text");
  const LoopResult result = run_loop(clients, workload, {.depth = 40'000, .seconds = 60, .requests = 80'000});
  EXPECT_EQ(result.answered, 80'000u) << result.first_error->to_string();
}

TEST_F(Load, TheOpenLoopAsksAtItsRateAndCountsFromWhenARequestWasDue) {
  const auto clients = connect(2);
  Texts workload("text", 100, "stall");
  const LoopResult result = run_loop(clients, workload, {.rate = 1000, .seconds = 0.5});
  EXPECT_EQ(result.answered, 500u);
  EXPECT_EQ(workload.asked, 500u);
  // The server stood for 200 ms while 200 requests were due; a tenth of all waited for much of
  // that.
  EXPECT_GE(result.latencies.max_ns(), 200'000'000u);
  EXPECT_GE(result.latencies.percentile_ns(0.9), 100'000'000u);
}

TEST(ServerProcess, AProgramThatDoesNotServeIsAnError) {
  const std::string data = ::testing::TempDir() + "load_test_" + std::to_string(::getpid());
  const auto server = ServerProcess::start("/bin/false", data);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message(), "the server did not start; its log is " + data + ".log");
  EXPECT_FALSE(ServerProcess::start("/no/such/program", data));
}

}  // namespace
}  // namespace sagitta::load
