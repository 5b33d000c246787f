#include "tables.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace sagitta::cql_bench {
namespace {

/// A prime: consecutive reads are of rows far apart.
constexpr uint64_t kStride = 7919;
constexpr uint64_t kTraced = 20;

std::string_view similarity_of(ann::Metric metric) {
  switch (metric) {
    case ann::Metric::kL2: return "euclidean";
    case ann::Metric::kDot: return "dot_product";
    case ann::Metric::kCosine: break;
  }
  return "cosine";
}

class Mixed final : public load::Workload {
 public:
  Mixed(Prepared ann, Prepared read, Prepared insert)
      : ann_(std::move(ann)), read_(std::move(read)), insert_(std::move(insert)) {}
  void ask(load::Client& client, uint64_t number, load::Answered answered) override {
    const uint64_t turn = number % 10;
    Prepared& chosen = turn == 9 ? insert_ : turn % 2 == 0 ? ann_ : read_;
    chosen.ask(client, number, std::move(answered));
  }

 private:
  Prepared ann_, read_, insert_;
};

/// "ANN path graph: …, 1234 candidates, …": the number before " candidates".
std::optional<double> candidates_in(std::string_view activity) {
  const size_t end = activity.find(" candidates");
  if (end == activity.npos) return std::nullopt;
  const size_t begin = activity.find_last_not_of("0123456789", end - 1) + 1;
  double count = 0;
  const auto parsed = std::from_chars(activity.data() + begin, activity.data() + end, count);
  return parsed.ec == std::errc() ? std::optional(count) : std::nullopt;
}

Result<double> candidates_of(load::Client& client, const Uuid& trace) {
  const std::string text =
      fmt::format("SELECT activity FROM system_traces.events WHERE session_id = {}", to_string(trace));
  SAGITTA_TRY(const auto response, client.ask(wire::Query{text, {}}));
  const auto* rows = std::get_if<wire::Rows>(&response.reply);
  if (rows == nullptr) return fail(ErrorCode::kProtocol, "no rows of a trace");
  for (wire::CellReader cells(*rows); !cells.empty();) {
    if (const auto count = candidates_in(cells.next().value_or(""))) return *count;
  }
  return fail(ErrorCode::kNotFound, "a trace says nothing of candidates");
}

}  // namespace

Status make_keyspace(load::Client& client) {
  return client.run("CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
}

Status make_table(load::Client& client, const TableSpec& table, const Data& data, const BenchCqlOptions& options) {
  SAGITTA_CHECK(client.run(
      fmt::format("CREATE TABLE bench.{} (id int PRIMARY KEY, tag int, v vector<float, {}>)", table.name, data.dim())));
  if (!table.indexed) return {};
  return client.run(
      fmt::format("CREATE CUSTOM INDEX ON bench.{} (v) USING 'vector_index' WITH OPTIONS = "
                  "{{'similarity_function': '{}', 'search_beam_width': '{}', 'profile': '{}'}}",
                  table.name, similarity_of(data.metric), options.beam, options.profile));
}

Status drop_table(load::Client& client, const TableSpec& table) {
  return client.run(fmt::format("DROP TABLE bench.{}", table.name));
}

wire::Execute Prepared::message(const std::vector<Bytes>& values) const {
  wire::Execute execute{statement_.id, statement_.result_metadata_id, {.skip_metadata = true}};
  execute.parameters.values.reserve(values.size());
  for (const Bytes& value : values) execute.parameters.values.push_back({wire::BoundValue::Kind::kBytes, value});
  return execute;
}

void Prepared::ask(load::Client& client, uint64_t number, load::Answered answered) {
  const std::vector<Bytes> values = values_(number);
  client.send(message(values), std::move(answered));
}

Result<wire::Response> Prepared::ask_now(load::Client& client, uint64_t number, bool tracing) {
  const std::vector<Bytes> values = values_(number);
  return client.ask(message(values), tracing);
}

Result<Statements> Statements::prepare(load::Client& client, const TableSpec& table, const Data& data, uint32_t k) {
  const std::string from = fmt::format("FROM bench.{}", table.name);
  Statements out;
  out.data_ = &data;
  SAGITTA_TRY(out.insert_,
              client.prepare(fmt::format("INSERT INTO bench.{} (id, tag, v) VALUES (?, ?, ?)", table.name)));
  SAGITTA_TRY(out.read_, client.prepare(fmt::format("SELECT tag {} WHERE id = ?", from)));
  if (!table.indexed) return out;
  SAGITTA_TRY(out.ann_, client.prepare(fmt::format("SELECT id {} ORDER BY v ANN OF ? LIMIT {}", from, k)));
  SAGITTA_TRY(out.ann_star_, client.prepare(fmt::format("SELECT * {} ORDER BY v ANN OF ? LIMIT {}", from, k)));
  SAGITTA_TRY(out.filtered_, client.prepare(fmt::format(
                                 "SELECT id {} WHERE tag = ? ORDER BY v ANN OF ? LIMIT {} ALLOW FILTERING", from, k)));
  return out;
}

Prepared Statements::insert() const {
  return {insert_, [data = data_](uint64_t number) {
            const uint64_t row = number % data->count();
            return std::vector{to_cell(static_cast<int32_t>(row)), to_cell(static_cast<int32_t>(row % kTags)),
                               to_cell(data->rows.view().row(row))};
          }};
}

Prepared Statements::read() const {
  return {read_, [data = data_](uint64_t number) {
            return std::vector{to_cell(static_cast<int32_t>(number * kStride % data->count()))};
          }};
}

Prepared Statements::nearest(const load::Statement& statement) const {
  return {statement, [data = data_](uint64_t number) {
            return std::vector{to_cell(data->queries.view().row(number % data->query_count()))};
          }};
}

Prepared Statements::filtered() const {
  return {filtered_, [data = data_](uint64_t number) {
            return std::vector{to_cell(static_cast<int32_t>(kWantedTag)),
                               to_cell(data->queries.view().row(number % data->query_count()))};
          }};
}

std::unique_ptr<load::Workload> Statements::mixed() const { return std::make_unique<Mixed>(ann(), read(), insert()); }

std::vector<uint32_t> ids_of(const wire::Response& response) {
  std::vector<uint32_t> ids;
  const auto* rows = std::get_if<wire::Rows>(&response.reply);
  if (rows == nullptr) return ids;
  uint32_t at = 0;
  for (wire::CellReader cells(*rows); !cells.empty(); ++at) {
    const ValueView cell = cells.next();
    if (at % rows->column_count == 0 && cell && cell->size() == sizeof(uint32_t)) {
      ids.push_back(get_big<uint32_t>(cell->data()));
    }
  }
  return ids;
}

Result<double> recall_by(Prepared& ann, load::Client& client, const Data& data) {
  double recall = 0;
  for (uint64_t i = 0; i < data.query_count(); ++i) {
    SAGITTA_TRY(const auto response, ann.ask_now(client, i, false));
    recall += recall_of(data, i, ids_of(response)) / static_cast<double>(data.query_count());
  }
  return recall;
}

Result<double> rows_tested(Prepared& filtered, load::Client& client) {
  double sum = 0;
  for (uint64_t i = 0; i < kTraced; ++i) {
    SAGITTA_TRY(const auto response, filtered.ask_now(client, i, true));
    if (!response.tracing_id) return fail(ErrorCode::kProtocol, "a traced request has no trace");
    SAGITTA_TRY(const double count, candidates_of(client, *response.tracing_id));
    sum += count;
  }
  return sum / kTraced;
}

}  // namespace sagitta::cql_bench
