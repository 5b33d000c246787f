/// Steps to requests, and answers to lines.
#include "session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>

#include "sagitta/base/assert.h"
#include "sagitta/types/value.h"
#include "sagitta/wire/response.h"

namespace sagitta::cql_test {
namespace {

using Lines = std::vector<std::string>;

template <class Start>
Result<db::Answer> wait(const Start& start) {
  std::promise<Result<db::Answer>> promise;
  auto future = promise.get_future();
  start([&](Result<db::Answer> answer) { promise.set_value(std::move(answer)); });
  return future.get();
}

std::string one_line(std::string text) {
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\n");
  return text;
}

Lines error_lines(const Error& error) {
  // A script's own fault never passes for an answer.
  if (error.message().starts_with("script: ")) return {error.message()};
  const auto message = wire::to_error_message(error);
  return {one_line(fmt::format("error: {:#06x} {}", static_cast<uint32_t>(message.code), message.message))};
}

std::string row_line(const std::vector<db::ColumnSpec>& columns, ByteReader& cells) {
  std::string line;
  for (const auto& column : columns) {
    const int32_t length = cells.big<int32_t>().value_or(-2);
    const auto bytes = length < 0 ? std::nullopt : cells.take(static_cast<size_t>(length));
    if (length < -1 || (length >= 0 && !bytes)) return "script: the cells end within a row";
    line += line.empty() ? "" : " | ";
    line += types::to_literal(*column.type, bytes);
  }
  return one_line(std::move(line));
}

std::string list_of(const std::vector<db::ColumnSpec>& columns, bool names, bool types) {
  std::string list;
  for (const auto& column : columns) {
    list += list.empty() ? "" : " | ";
    if (names) list += column.name;
    if (types) list += (names ? " " : "") + column.type->to_cql();
  }
  return list;
}

bool has_user_type(const types::DataType& type) {
  return type.kind() == types::Kind::kUdt ||
         std::ranges::any_of(type.parameters(), [](const auto& parameter) { return has_user_type(*parameter); });
}

std::unexpected<Error> script_error(std::string message) {
  return fail(ErrorCode::kServer, "script: " + std::move(message));
}

std::optional<db::Consistency> consistency_of(std::string_view name) {
  for (uint16_t number = 0; number <= static_cast<uint16_t>(db::Consistency::kLocalOne); ++number) {
    const auto consistency = static_cast<db::Consistency>(number);
    if (to_string(consistency) == name) return consistency;
  }
  return {};
}

bool is_wanted(const Paragraph& paragraph, std::string_view word) {
  return std::ranges::any_of(paragraph.expected, [&](const auto& line) { return line.starts_with(word); });
}

}  // namespace

Session::Session() {
  open();
  Step create;
  create.text = "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
  SAGITTA_ASSERT(run_step(create) == Lines{"ok"});
  keyspace_ = "ks";
}

void Session::open() {
  database_.reset();
  auto opened = machine_.open();
  SAGITTA_ASSERT(opened.has_value());
  database_ = *std::move(opened);
}

Lines Session::run(const Paragraph& paragraph) {
  wanted_ = {};
  if (!paragraph.batch.empty()) return run_batch(paragraph);
  for (const Step& step : paragraph.steps) {
    if (&step == &paragraph.steps.back()) break;
    Lines lines = run_step(step);
    if (lines == Lines{"ok"}) continue;
    lines.insert(lines.begin(), fmt::format("line {}, before the last statement:", step.line));
    return lines;
  }
  wanted_ = {is_wanted(paragraph, "columns:"), is_wanted(paragraph, "types:"), is_wanted(paragraph, "event:")};
  return run_step(paragraph.steps.back());
}

Lines Session::run_step(const Step& step) {
  machine_.clock.advance_us(1);
  if (step.kind != StepKind::kStatement && step.kind != StepKind::kExecute) return act(step);
  if (!step.prepare_as.empty()) return prepare(step);
  Lines lines;
  for (size_t run = 0; run < std::max<size_t>(step.values.size(), 1); ++run) {
    auto options = options_of(step, run);
    if (!options) return error_lines(options.error());
    lines = read_pages(step, *std::move(options));
    if (run + 1 < step.values.size() && lines != Lines{"ok"}) return lines;
  }
  return lines;
}

Lines Session::act(const Step& step) {
  if (step.kind == StepKind::kAdvance) {
    const auto time = parse_time_us(step.text);
    if (!time) return error_lines(script_error(time.error().message()).error());
    machine_.clock.advance_us(*time);
  } else {
    if (step.kind == StepKind::kCrash) machine_.crash({});
    open();
  }
  return {"ok"};
}

Lines Session::prepare(const Step& step) {
  auto prepared = database_->prepare(step.text, keyspace_);
  if (!prepared) return error_lines(prepared.error());
  Lines lines;
  if (wanted_.types) lines.push_back("types: " + list_of((*prepared)->markers, true, true));
  if (wanted_.columns && (*prepared)->result)
    lines.push_back("columns: " + list_of((*prepared)->result->columns, true, false));
  lines.emplace_back("ok");
  prepared_[step.prepare_as] = *std::move(prepared);
  return lines;
}

Lines Session::run_batch(const Paragraph& paragraph) {
  constexpr std::array<std::string_view, 3> kKinds{"logged", "unlogged", "counter"};
  const auto* kind = std::ranges::find(kKinds, paragraph.batch);
  if (kind == kKinds.end()) return error_lines(script_error("a batch is logged, unlogged or counter").error());
  machine_.clock.advance_us(1);
  std::vector<db::BatchItem> items;
  for (const Step& step : paragraph.steps) {
    auto options = options_of(step, 0);
    if (!options) return error_lines(options.error());
    auto& item = items.emplace_back();
    item.values = std::move(options->values);
    if (step.kind == StepKind::kExecute) {
      const auto prepared = prepared_of(step);
      if (!prepared) return error_lines(prepared.error());
      item.prepared_id = (*prepared)->id;
    } else {
      item.text = step.text;
    }
  }
  auto options = options_of(paragraph.steps.back(), 0);
  if (!options) return error_lines(options.error());
  options->values.clear();
  const auto answer = wait([&](db::Done done) {
    database_->batch(static_cast<db::BatchKind>(kind - kKinds.begin()), std::move(items), *options, std::move(done));
  });
  if (!answer) return error_lines(answer.error());
  Lines lines;
  append(*answer, lines);
  return lines;
}

Lines Session::read_pages(const Step& step, db::RequestOptions options) {
  Lines lines;
  for (;;) {
    const auto answer = ask(step, options);
    if (!answer) return error_lines(answer.error());
    if (!lines.empty()) lines.emplace_back("---");
    append(*answer, lines);
    const auto* rows = std::get_if<db::Rows>(&answer->body);
    if (rows == nullptr || rows->paging_state.empty()) return lines;
    options.paging_state = rows->paging_state;
  }
}

Result<db::Answer> Session::ask(const Step& step, const db::RequestOptions& options) {
  if (step.kind == StepKind::kStatement && step.values.empty()) {
    return wait([&](db::Done done) { database_->query(step.text, options, std::move(done)); });
  }
  SAGITTA_TRY(const auto prepared, prepared_of(step));
  return wait([&](db::Done done) { database_->execute(prepared->id, options, std::move(done)); });
}

Result<db::PreparedPtr> Session::prepared_of(const Step& step) {
  if (step.kind == StepKind::kStatement) return database_->prepare(step.text, keyspace_);
  const auto found = prepared_.find(step.text);
  if (found == prepared_.end()) return script_error("nothing is prepared as " + step.text);
  return found->second;
}

Result<db::RequestOptions> Session::options_of(const Step& step, size_t run) {
  db::RequestOptions options;
  options.keyspace = keyspace_;
  options.page_size = static_cast<int32_t>(step.page_size.value_or(0));
  options.default_timestamp_us = step.timestamp_us;
  if (!step.consistency.empty()) {
    const auto consistency = consistency_of(step.consistency);
    if (!consistency) return script_error("no consistency " + step.consistency);
    options.consistency = *consistency;
  }
  if (run < step.values.size()) {
    SAGITTA_TRY(const auto prepared, prepared_of(step));
    SAGITTA_TRY(options.values, bind(prepared->markers, step.values[run]));
  }
  return options;
}

Result<std::vector<db::BoundValue>> Session::bind(const std::vector<db::ColumnSpec>& markers,
                                                  const std::string& values) {
  std::vector<db::BoundValue> bound;
  for (const std::string& literal : split_values(values)) {
    if (bound.size() == markers.size()) return script_error("more values than markers");
    SAGITTA_TRY(bound.emplace_back(), bind_one(*markers[bound.size()].type, literal));
  }
  return bound;
}

Result<db::BoundValue> Session::bind_one(const types::DataType& type, const std::string& literal) {
  db::BoundValue bound;
  bound.unset = literal == "unset";
  if (!bound.unset) SAGITTA_CHECK(evaluate_to(type, literal, bound.value));
  return bound;
}

Status Session::evaluate_to(const types::DataType& type, const std::string& literal, Value& value) {
  if (literal == "null") return {};
  if (literal.starts_with("raw ")) return ask_value("blob", literal.substr(4), value);
  if (!has_user_type(type)) return ask_value(type.to_cql(), literal, value);
  // Outside of their keyspace user types cannot be asked for: their fields are.
  const std::string inside = literal.substr(1, literal.size() - std::min<size_t>(literal.size(), 2));
  if (type.kind() == types::Kind::kUdt) return pack_fields(type, split_values(inside), value);
  if (type.kind() != types::Kind::kList && type.kind() != types::Kind::kSet) {
    return script_error("no values of type " + type.to_cql());
  }
  std::vector<Bytes> elements;
  for (const std::string& part : split_values(inside)) {
    Value element;
    SAGITTA_CHECK(evaluate_to(*type.element(), part, element));
    elements.push_back(element.value_or(Bytes()));
  }
  value = types::pack_list(elements);
  return {};
}

/// `parts` as they are written: "name: literal".
Status Session::pack_fields(const types::DataType& type, const std::vector<std::string>& parts, Value& value) {
  const auto& names = type.field_names();
  std::vector<Value> fields(names.size());
  for (const std::string& part : parts) {
    const size_t colon = std::min(part.find(": "), part.size());
    const auto name = std::ranges::find(names, part.substr(0, colon));
    if (name == names.end() || colon == part.size()) return script_error("no field " + part);
    const auto index = static_cast<size_t>(name - names.begin());
    SAGITTA_CHECK(evaluate_to(*type.parameters()[index], part.substr(colon + 2), fields[index]));
  }
  value = types::pack_tuple(fields);
  return {};
}

/// The database knows how to read a literal.
Status Session::ask_value(const std::string& type, const std::string& literal, Value& value) {
  Step step;
  step.text = fmt::format("SELECT ({}) {} FROM system.local", type, literal);
  SAGITTA_TRY(const auto answer, ask(step, {}));
  ByteReader cells(std::get<db::Rows>(answer.body).cells);
  const int32_t length = cells.big<int32_t>().value_or(-1);
  if (length < 0) return script_error("no value " + literal);
  value = to_value(cells.take(static_cast<size_t>(length)));
  return {};
}

void Session::append(const db::Answer& answer, Lines& lines) {
  for (const auto& warning : answer.warnings) lines.push_back(one_line("warning: " + warning));
  if (const auto* rows = std::get_if<db::Rows>(&answer.body)) {
    const auto& columns = rows->metadata->columns;
    if (wanted_.columns) lines.push_back("columns: " + list_of(columns, true, false));
    if (wanted_.types) lines.push_back("types: " + list_of(columns, false, true));
    ByteReader cells(rows->cells);
    for (uint32_t row = 0; row < rows->row_count; ++row) lines.push_back(row_line(columns, cells));
    if (rows->row_count == 0) lines.emplace_back("no rows");
    return;
  }
  if (const auto* event = std::get_if<db::SchemaChangeEvent>(&answer.body); event != nullptr && wanted_.event) {
    const std::string name = event->name.empty() ? event->keyspace : event->keyspace + "." + event->name;
    lines.push_back(fmt::format("event: {} {} {}", event->change, event->target, name));
  }
  if (const auto* use = std::get_if<db::SetKeyspace>(&answer.body)) keyspace_ = use->keyspace;
  lines.emplace_back("ok");
}

}  // namespace sagitta::cql_test
