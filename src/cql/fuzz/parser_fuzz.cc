// No text may crash or overflow the parser; messages stay short; a printed type parses back to the
// same type.
#include <cstddef>
#include <cstdint>
#include <string>

#include "sagitta/base/assert.h"
#include "sagitta/cql/parser.h"

namespace {

using namespace sagitta::cql;

void check_type(std::string_view text) {
  const auto type = parse_type(text);
  if (!type.has_value()) return;
  const auto again = parse_type(to_string(*type));
  SAGITTA_ASSERT(again.has_value() && *again == *type);
}

void check_selectors(std::string_view text) {
  const auto statement = parse(text);
  if (!statement.has_value()) {
    SAGITTA_ASSERT(!statement.error().message().empty() && statement.error().message().size() < 2000);
    return;
  }
  const auto* select = statement->get_if<Select>();
  if (select == nullptr) return;
  for (const Selector& selector : select->selectors) {
    SAGITTA_ASSERT(!to_string(selector.term, statement->markers).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_selectors(text);
  check_type(text);
  return 0;
}
