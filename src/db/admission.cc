/// Who is in, and the traces of those who want one.
#include "admission.h"

#include <fmt/format.h>

#include <map>

#include "sagitta/base/assert.h"

namespace sagitta::db {

RequestPtr Admission::admit(RequestOptions options, Done done, std::string_view kind, std::string_view text) {
  if (const Status entered = enter(); !entered) {
    done(fail(entered));
    return nullptr;
  }
  auto request = std::make_shared<Request>(*this, sources_, std::move(options), std::move(done));
  if (request->options.tracing) {
    std::map<std::string, std::string> parameters = {
        {"query", std::string(text)},
        {"consistency_level", std::string(to_string(request->options.consistency))},
        {"page_size", fmt::format("{}", request->options.page_size)}};
    request->trace = traces_.begin(request->options.who.address, std::string(kind), std::move(parameters));
  }
  return request;
}

Status Admission::enter() {
  std::lock_guard lock(mutex_);
  if (closed_) return fail(ErrorCode::kUnavailable, "the database is stopping");
  ++inside_;
  return {};
}

void Admission::leave() {
  std::lock_guard lock(mutex_);
  SAGITTA_ASSERT(inside_ > 0);
  if (--inside_ == 0) changed_.notify_all();
}

void Admission::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

bool Admission::wait_empty(int64_t seconds) {
  std::unique_lock lock(mutex_);
  return loops_.wait(lock, changed_, seconds * 1'000'000, [&] { return inside_ == 0; });
}

}  // namespace sagitta::db
