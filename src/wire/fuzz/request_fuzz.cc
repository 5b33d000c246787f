/// Arbitrary bodies to the request decoder: every view that it gives must lie inside the body.
#include <cstdlib>

#include "sagitta/wire/request.h"

#include "fuzz_frame.h"

namespace {

using sagitta::BytesView;
using namespace sagitta::wire;

void check(BytesView outer, BytesView inner) {
  if (inner.empty()) return;
  if (inner.data() < outer.data() || inner.data() + inner.size() > outer.data() + outer.size()) std::abort();
}

void check_values(BytesView body, const std::vector<BoundValue>& values) {
  for (const BoundValue& value : values) check(body, value.bytes);
}

struct Checker {
  BytesView body;

  void operator()(const Startup& m) const {
    for (const auto& [name, value] : m.options) check(body, name), check(body, value);
  }
  void operator()(const Options&) const {}
  void operator()(const Query& m) const {
    check(body, m.text);
    check_values(body, m.parameters.values);
  }
  void operator()(const Prepare& m) const { check(body, m.text); }
  void operator()(const Execute& m) const {
    check(body, m.id);
    check_values(body, m.parameters.values);
  }
  void operator()(const Batch& m) const {
    for (const BatchStatement& statement : m.statements) {
      check(body, statement.text_or_id);
      check_values(body, statement.values);
    }
  }
  void operator()(const Register& m) const {
    for (auto event : m.events) check(body, event);
  }
  void operator()(const AuthResponse& m) const { check(body, m.token.value_or(BytesView())); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto frame = fuzz_frame(data, size);
  if (!frame) return 0;
  if (auto request = decode_request(*frame)) std::visit(Checker{*frame->body}, request->message);
  return 0;
}
