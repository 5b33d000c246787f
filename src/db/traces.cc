#include "traces.h"

namespace sagitta::db {
namespace {

void cut(std::string& text) {
  if (text.size() <= TraceRing::kTextBytesMax) return;
  size_t end = TraceRing::kTextBytesMax;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  text.resize(end);
}

}  // namespace

TraceSession::TraceSession(const Clock& clock, TimeUuidSource& ids, TraceRecord record)
    : clock_(clock), ids_(ids), id_(record.id), begin_us_(clock.steady_us()), record_(std::move(record)) {}

void TraceSession::event(std::string text) {
  cut(text);
  const Uuid id = ids_.next();
  std::lock_guard lock(mutex_);
  if (record_.events.size() >= TraceRing::kEventsMax) return;
  record_.events.push_back({id, clock_.steady_us() - begin_us_, std::move(text)});
}

void TraceSession::finish() {
  event("Request complete");
  std::lock_guard lock(mutex_);
  record_.duration_us = clock_.steady_us() - begin_us_;
}

TraceRecord TraceSession::record() const {
  std::lock_guard lock(mutex_);
  return record_;
}

std::shared_ptr<TraceSession> TraceRing::begin(std::string client, std::string request,
                                               std::map<std::string, std::string> parameters) {
  for (auto& [name, value] : parameters) cut(value);
  TraceRecord record;
  record.id = ids_.next();
  record.client = std::move(client);
  record.request = std::move(request);
  record.parameters = std::move(parameters);
  record.started_us = clock_.now_us();
  auto session = std::make_shared<TraceSession>(clock_, ids_, std::move(record));
  std::lock_guard lock(mutex_);
  sessions_.push_back(session);
  if (sessions_.size() > kSessionsMax) sessions_.pop_front();
  return session;
}

std::vector<TraceRecord> TraceRing::records() const {
  std::vector<std::shared_ptr<TraceSession>> sessions;
  {
    std::lock_guard lock(mutex_);
    sessions.assign(sessions_.begin(), sessions_.end());
  }
  std::vector<TraceRecord> records;
  records.reserve(sessions.size());
  for (const auto& session : sessions) records.push_back(session->record());
  return records;
}

}  // namespace sagitta::db
