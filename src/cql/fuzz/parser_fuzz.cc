// No text may crash or overflow the parser, or make it allocate more than it says beforehand;
// messages stay short; what parses is printed as what parses to the same tree.
#include <sanitizer/allocator_interface.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "sagitta/base/assert.h"
#include "sagitta/cql/parser.h"

namespace {

using namespace sagitta::cql;

size_t allocated_bytes = 0;

void count(const volatile void* /*memory*/, size_t bytes) { allocated_bytes += bytes; }
void ignore(const volatile void* /*memory*/) {}

void check_type(std::string_view text) {
  const auto type = parse_type(text);
  if (!type.has_value()) return;
  const auto again = parse_type(to_string(*type));
  SAGITTA_ASSERT(again.has_value() && *again == *type);
}

void check_statement(std::string_view text) {
  const size_t before = allocated_bytes;
  const auto statement = parse(text);
  SAGITTA_ASSERT(allocated_bytes - before <= parse_bytes_max(text));
  if (!statement.has_value()) {
    SAGITTA_ASSERT(!statement.error().message().empty() && statement.error().message().size() < 2000);
    return;
  }
  const auto again = parse(to_string(*statement));
  SAGITTA_ASSERT(again.has_value() && *again == *statement);
  const auto* select = statement->get_if<Select>();
  if (select == nullptr) return;
  for (const Selector& selector : select->selectors) {
    SAGITTA_ASSERT(!to_string(selector.term, statement->markers).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  SAGITTA_ASSERT(__sanitizer_install_malloc_and_free_hooks(count, ignore) != 0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_statement(text);
  check_type(text);
  return 0;
}
