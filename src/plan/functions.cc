#include "functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "sagitta/ann/metric.h"
#include "sagitta/base/random.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;
using Arguments = std::span<const Value>;

constexpr int64_t kUsPerMs = 1000;
constexpr int64_t kMsPerDay = 86'400'000;
constexpr int64_t kNsPerUs = 1000;
/// A CQL date counts days from here, so that 1970-01-01 is in the middle of the unsigned range.
constexpr int64_t kDateEpoch = int64_t{1} << 31;
/// 100 ns ticks between the Gregorian reform, where version-1 UUIDs begin, and 1970.
constexpr uint64_t kUuidEpochTicks = 0x01B21DD213814000;
constexpr uint64_t kTicksPerMs = 10'000;

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

int64_t timeuuid_ms(const Bytes& bytes) {
  auto uuid = Uuid::from_bytes(bytes);
  return uuid ? floor_div(timeuuid_us(*uuid), kUsPerMs) : 0;
}

int64_t date_ms(const Bytes& bytes) { return (int64_t{get_big<uint32_t>(bytes.data())} - kDateEpoch) * kMsPerDay; }

Bytes date_of_ms(int64_t ms) {
  Bytes out;
  put_big(out, static_cast<uint32_t>(floor_div(ms, kMsPerDay) + kDateEpoch));
  return out;
}

/// Milliseconds since the epoch of a timeuuid, timestamp or date.
int64_t instant_ms(const DataType& type, const Bytes& bytes) {
  switch (type.kind()) {
    case Kind::kTimeuuid: return timeuuid_ms(bytes);
    case Kind::kDate: return date_ms(bytes);
    default: return types::to_int64(bytes);
  }
}

Result<Value> no_source(std::string_view what) {
  return fail(ErrorCode::kServer, fmt::format("{} has no source of uuids", what));
}

Result<Value> call_now(const Expression&, Arguments, const EvalContext& context) {
  if (context.timeuuids == nullptr) return no_source("now()");
  return context.timeuuids->next().bytes();
}

Result<Value> call_uuid(const Expression&, Arguments, const EvalContext& context) {
  if (context.random == nullptr) return no_source("uuid()");
  return Uuid::random(*context.random).bytes();
}

Result<Value> call_current_timestamp(const Expression&, Arguments, const EvalContext& context) {
  return types::from_int64(floor_div(context.now_us, kUsPerMs));
}

Result<Value> call_current_date(const Expression&, Arguments, const EvalContext& context) {
  return date_of_ms(floor_div(context.now_us, kUsPerMs));
}

Result<Value> call_current_time(const Expression&, Arguments, const EvalContext& context) {
  const int64_t us_per_day = kMsPerDay * kUsPerMs;
  return types::from_int64((context.now_us - floor_div(context.now_us, us_per_day) * us_per_day) * kNsPerUs);
}

Result<Value> call_to_timestamp(const Expression& self, Arguments arguments, const EvalContext&) {
  return types::from_int64(instant_ms(*self.arguments[0].type, *arguments[0]));
}

Result<Value> call_to_date(const Expression& self, Arguments arguments, const EvalContext&) {
  return date_of_ms(instant_ms(*self.arguments[0].type, *arguments[0]));
}

Result<Value> timeuuid_bound(int64_t ms, uint64_t extra_ticks, char clock_and_node) {
  // Wraps for times that no uuid can hold.
  const uint64_t ticks = static_cast<uint64_t>(ms) * kTicksPerMs + kUuidEpochTicks + extra_ticks;
  Bytes out;
  put_big(out, static_cast<uint32_t>(ticks));
  put_big(out, static_cast<uint16_t>(ticks >> 32));
  put_big(out, static_cast<uint16_t>(((ticks >> 48) & 0x0fff) | 0x1000));
  out.append(8, clock_and_node);
  return out;
}

Result<Value> call_min_timeuuid(const Expression&, Arguments arguments, const EvalContext&) {
  return timeuuid_bound(types::to_int64(*arguments[0]), 0, static_cast<char>(0x80));
}

Result<Value> call_max_timeuuid(const Expression&, Arguments arguments, const EvalContext&) {
  return timeuuid_bound(types::to_int64(*arguments[0]), kTicksPerMs - 1, 0x7f);
}

Result<Value> call_identity(const Expression& self, Arguments arguments, const EvalContext&) {
  if (Status valid = types::validate(*self.type, *arguments[0]); !valid) {
    return fail(ErrorCode::kInvalid, fmt::format("In call to function system.{}, value {} is not a valid binary "
                                                 "representation for type {}",
                                                 self.function->name, to_hex(*arguments[0], 64), self.type->to_cql()));
  }
  return *arguments[0];
}

Result<Value> call_token(const Expression&, Arguments arguments, const EvalContext&) {
  std::vector<Bytes> components;
  for (const Value& argument : arguments) components.push_back(*argument);
  return types::from_int64(types::token_of(types::pack_partition_key(components)));
}

Result<Value> call_to_json(const Expression& self, Arguments arguments, const EvalContext&) {
  return types::to_json(*self.arguments[0].type, to_view(arguments[0]));
}

struct VectorPair {
  std::vector<float> a, b;
};

bool is_zero(const std::vector<float>& vector) {
  return std::ranges::all_of(vector, [](float element) { return element == 0; });
}

bool has_nan(const std::vector<float>& vector) {
  return std::ranges::any_of(vector, [](float element) { return std::isnan(element); });
}

VectorPair read_pair(const Expression& self, Arguments arguments) {
  const uint32_t dim = self.arguments[0].type->dim();
  VectorPair pair{std::vector<float>(dim), std::vector<float>(dim)};
  types::to_floats(*arguments[0], pair.a);
  types::to_floats(*arguments[1], pair.b);
  return pair;
}

/// By the index's own arithmetic, so that what is selected is what is ordered by.
template <ann::Metric metric>
Result<Value> call_similarity(const Expression& self, Arguments arguments, const EvalContext&) {
  const VectorPair pair = read_pair(self, arguments);
  if (metric == ann::Metric::kCosine && (is_zero(pair.a) || is_zero(pair.b))) {
    return fail(ErrorCode::kInvalid, "Function system.similarity_cosine doesn't support all-zero vectors.");
  }
  // Only an index refuses what is not a number.
  if (has_nan(pair.a) || has_nan(pair.b)) return types::from_float(std::numeric_limits<float>::quiet_NaN());
  return types::from_float(ann::similarity(metric, pair.a, pair.b));
}

bool is_integer(Kind kind) {
  return kind == Kind::kTinyint || kind == Kind::kSmallint || kind == Kind::kInt || kind == Kind::kBigint ||
         kind == Kind::kCounter;
}

int64_t integer_of(const DataType& type, const Bytes& bytes) {
  switch (type.kind()) {
    case Kind::kTinyint: return types::to_int8(bytes);
    case Kind::kSmallint: return types::to_int16(bytes);
    case Kind::kInt: return types::to_int32(bytes);
    default: return types::to_int64(bytes);
  }
}

double floating_of(const DataType& type, const Bytes& bytes) {
  if (type.kind() == Kind::kFloat) return static_cast<double>(types::to_float(bytes));
  if (type.kind() == Kind::kDouble) return types::to_double(bytes);
  return static_cast<double>(integer_of(type, bytes));
}

/// Narrowing wraps, as Java's casts do.
Bytes integer_bytes(Kind kind, int64_t v) {
  switch (kind) {
    case Kind::kTinyint: return types::from_int8(static_cast<int8_t>(v));
    case Kind::kSmallint: return types::from_int16(static_cast<int16_t>(v));
    case Kind::kInt: return types::from_int32(static_cast<int32_t>(v));
    default: return types::from_int64(v);
  }
}

/// Saturating, as Java's casts are: those to less than 32 bits go by way of an int, which then
/// wraps.
int64_t saturate(double v, Kind to) {
  const bool wide = to == Kind::kBigint || to == Kind::kCounter;
  const int64_t least = wide ? INT64_MIN : INT32_MIN, most = wide ? INT64_MAX : INT32_MAX;
  if (std::isnan(v)) return 0;
  if (v >= static_cast<double>(most)) return most;
  if (v <= static_cast<double>(least)) return least;
  return static_cast<int64_t>(v);
}

bool is_text(Kind kind) { return kind == Kind::kText || kind == Kind::kAscii; }

std::string unquoted_literal(const DataType& type, const Bytes& bytes) {
  if (is_text(type.kind())) return bytes;
  std::string text = types::to_literal(type, BytesView(bytes));
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') text = text.substr(1, text.size() - 2);
  return text;
}

Result<Value> cast_number(const DataType& from, const DataType& to, const Bytes& bytes) {
  if (to.kind() == Kind::kFloat) return types::from_float(static_cast<float>(floating_of(from, bytes)));
  if (to.kind() == Kind::kDouble) return types::from_double(floating_of(from, bytes));
  const int64_t v = is_integer(from.kind()) ? integer_of(from, bytes) : saturate(floating_of(from, bytes), to.kind());
  return integer_bytes(to.kind(), v);
}

Result<Value> call_cast(const Expression& self, Arguments arguments, const EvalContext&) {
  const DataType& from = *self.arguments[0].type;
  const DataType& to = *self.type;
  const Bytes& bytes = *arguments[0];
  if (types::same_type(self.arguments[0].type, self.type)) return bytes;
  if (bytes.empty() && !is_text(from.kind())) return Value();
  if (is_text(to.kind())) return unquoted_literal(from, bytes);
  if (to.kind() == Kind::kTimestamp) return types::from_int64(instant_ms(from, bytes));
  if (to.kind() == Kind::kDate) return date_of_ms(instant_ms(from, bytes));
  if (to.kind() == Kind::kVarint || to.kind() == Kind::kDecimal) {
    SAGITTA_TRY(Bytes converted, types::from_text(to, unquoted_literal(from, bytes)));
    return converted;
  }
  return cast_number(from, to, bytes);
}

Result<int64_t> apply_integer(char operation, int64_t a, int64_t b) {
  const auto wide_a = static_cast<uint64_t>(a), wide_b = static_cast<uint64_t>(b);
  if ((operation == '/' || operation == '%') && b == 0) {
    return fail(ErrorCode::kInvalid, fmt::format("the operation '{} {} {}' failed: / by zero", a, operation, b));
  }
  switch (operation) {
    case '+': return static_cast<int64_t>(wide_a + wide_b);
    case '-': return static_cast<int64_t>(wide_a - wide_b);
    case '*': return static_cast<int64_t>(wide_a * wide_b);
    case '/': return b == -1 ? static_cast<int64_t>(-wide_a) : a / b;
    default: return b == -1 ? 0 : a % b;
  }
}

double apply_floating(char operation, double a, double b) {
  switch (operation) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return std::fmod(a, b);
  }
}

Result<Value> call_arithmetic(const Expression& self, Arguments arguments, const EvalContext&) {
  const char operation = self.function->name[0];
  const DataType &left = *self.arguments[0].type, &right = *self.arguments[1].type;
  if (arguments[0]->empty() || arguments[1]->empty()) return Value();
  if (is_integer(self.type->kind())) {
    SAGITTA_TRY(int64_t v, apply_integer(operation, integer_of(left, *arguments[0]), integer_of(right, *arguments[1])));
    return integer_bytes(self.type->kind(), v);
  }
  const double v = apply_floating(operation, floating_of(left, *arguments[0]), floating_of(right, *arguments[1]));
  return self.type->kind() == Kind::kFloat ? types::from_float(static_cast<float>(v)) : types::from_double(v);
}

class Registry {
 public:
  Registry() {
    add_time_functions();
    add_blob_functions();
  }

  std::span<const Function* const> find(std::string_view name) const {
    auto found = by_name_.find(name);
    if (found == by_name_.end()) return {};
    return found->second;
  }

 private:
  void add(std::initializer_list<std::string_view> names, std::vector<Kind> parameters, Kind result,
           Function::Call call) {
    for (std::string_view name : names) {
      auto function = std::make_unique<Function>();
      function->name = name;
      for (Kind kind : parameters) function->parameters.push_back(DataType::native(kind));
      function->result = DataType::native(result);
      function->call = call;
      by_name_[function->name].push_back(function.get());
      all_.push_back(std::move(function));
    }
  }

  void add_time_functions() {
    add({"now", "current_timeuuid", "currenttimeuuid"}, {}, Kind::kTimeuuid, call_now);
    add({"uuid"}, {}, Kind::kUuid, call_uuid);
    add({"current_timestamp", "currenttimestamp"}, {}, Kind::kTimestamp, call_current_timestamp);
    add({"current_date", "currentdate"}, {}, Kind::kDate, call_current_date);
    add({"current_time", "currenttime"}, {}, Kind::kTime, call_current_time);
    for (Kind kind : {Kind::kTimeuuid, Kind::kDate})
      add({"totimestamp", "to_timestamp"}, {kind}, Kind::kTimestamp, call_to_timestamp);
    for (Kind kind : {Kind::kTimeuuid, Kind::kTimestamp}) add({"todate", "to_date"}, {kind}, Kind::kDate, call_to_date);
    for (Kind kind : {Kind::kTimeuuid, Kind::kTimestamp, Kind::kDate}) {
      add({"tounixtimestamp", "to_unix_timestamp"}, {kind}, Kind::kBigint, call_to_timestamp);
    }
    add({"dateof"}, {Kind::kTimeuuid}, Kind::kTimestamp, call_to_timestamp);
    add({"unixtimestampof"}, {Kind::kTimeuuid}, Kind::kBigint, call_to_timestamp);
    add({"mintimeuuid", "min_timeuuid"}, {Kind::kTimestamp}, Kind::kTimeuuid, call_min_timeuuid);
    add({"maxtimeuuid", "max_timeuuid"}, {Kind::kTimestamp}, Kind::kTimeuuid, call_max_timeuuid);
  }

  void add_blob_functions() {
    constexpr std::array kKinds = {Kind::kAscii,  Kind::kBigint, Kind::kBoolean,   Kind::kDate,     Kind::kDecimal,
                                   Kind::kDouble, Kind::kFloat,  Kind::kInet,      Kind::kInt,      Kind::kSmallint,
                                   Kind::kText,   Kind::kTime,   Kind::kTimestamp, Kind::kTimeuuid, Kind::kTinyint,
                                   Kind::kUuid,   Kind::kVarint, Kind::kDuration};
    for (Kind kind : kKinds) {
      const std::string name = DataType::native(kind)->to_cql();
      add({name + "asblob", name + "_as_blob"}, {kind}, Kind::kBlob, call_identity);
      add({"blobas" + name, "blob_as_" + name}, {Kind::kBlob}, kind, call_identity);
    }
    add({"varcharasblob", "varchar_as_blob"}, {Kind::kText}, Kind::kBlob, call_identity);
    add({"blobasvarchar", "blob_as_varchar"}, {Kind::kBlob}, Kind::kText, call_identity);
  }

  std::vector<std::unique_ptr<Function>> all_;
  std::map<std::string, std::vector<const Function*>, std::less<>> by_name_;
};

Function special(std::string name, Kind result, Function::Call call, bool null_on_null = true) {
  return {.name = std::move(name),
          .parameters = {},
          .result = DataType::native(result),
          .call = call,
          .null_on_null = null_on_null};
}

}  // namespace

std::span<const Function* const> functions_named(std::string_view name) {
  static const Registry registry;
  return registry.find(name);
}

const Function& token_function() {
  static const Function function = special("token", Kind::kBigint, call_token);
  return function;
}

const Function& cast_function() {
  static const Function function = special("cast", Kind::kBlob, call_cast);
  return function;
}

const Function& to_json_function() {
  static const Function function = special("tojson", Kind::kText, call_to_json, false);
  return function;
}

const Function* arithmetic_function(char operation) {
  static const std::array functions = {
      special("+", Kind::kInt, call_arithmetic), special("-", Kind::kInt, call_arithmetic),
      special("*", Kind::kInt, call_arithmetic), special("/", Kind::kInt, call_arithmetic),
      special("%", Kind::kInt, call_arithmetic)};
  for (const Function& function : functions) {
    if (function.name[0] == operation) return &function;
  }
  return nullptr;
}

const Function* similarity_function(std::string_view name) {
  static const std::array functions = {
      special("similarity_cosine", Kind::kFloat, call_similarity<ann::Metric::kCosine>),
      special("similarity_euclidean", Kind::kFloat, call_similarity<ann::Metric::kL2>),
      special("similarity_dot_product", Kind::kFloat, call_similarity<ann::Metric::kDot>)};
  for (const Function& function : functions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

bool is_numeric(Kind kind) { return is_integer(kind) || kind == Kind::kFloat || kind == Kind::kDouble; }

bool can_cast(const DataType& from, const DataType& to) {
  const Kind f = from.kind(), t = to.kind();
  if (from == to) return true;
  if (is_text(t)) return !from.is_collection() && f != Kind::kBlob && f != Kind::kTuple && f != Kind::kUdt;
  if (t == Kind::kTimestamp) return f == Kind::kTimeuuid || f == Kind::kDate;
  if (t == Kind::kDate) return f == Kind::kTimeuuid || f == Kind::kTimestamp;
  if (t == Kind::kVarint) return is_integer(f);
  if (t == Kind::kDecimal) return is_numeric(f);
  return is_numeric(f) && is_numeric(t) && t != Kind::kCounter;
}

}  // namespace sagitta::plan
