/// From the draft of a write to the append of its record.
#include "completion.h"

#include <utility>

namespace sagitta::db {
namespace {

class Idle final : public Completer {
 public:
  void complete(Draft&, std::function<void(Status)> done) override { done({}); }
};

}  // namespace

Completer& idle_completer() {
  static Idle idle;
  return idle;
}

void Completion::complete(const RequestPtr& request, plan::Write write) {
  request->draft = {schemas_.newest()->stored, std::move(write.mutations), request->options.deadline};
  if (write.conditional) {
    request->draft.conditions = std::move(write.conditional->conditions);
    request->conditional = std::move(write.conditional);
    request->write_type = WriteType::kConditional;
  }
  deadlines_.add(request);
  completer_.complete(request->draft, [this, request](const Status& completed) {
    if (const Status appended = append(request, completed); !appended) {
      deadlines_.remove(*request);
      request->finish(fail(appended));
    }
  });
}

Status Completion::append(const RequestPtr& request, const Status& completed) {
  if (!completed) return completed;
  // Its deadline has passed: nothing is to happen any more.
  if (request->is_finished()) return {};
  return writer_.append_rows(request);
}

}  // namespace sagitta::db
