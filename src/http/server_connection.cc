/// One request after the other, and how each response is framed (RFC 9112 §6, §9).
#include "sagitta/http/server_connection.h"

#include <fmt/format.h>

#include <charconv>

#include "sagitta/base/assert.h"
#include "sagitta/http/writer.h"

namespace sagitta::http {

void ServerConnection::receive(BytesView bytes) {
  if (!finished_) unread_ += bytes;
}

std::optional<Request> ServerConnection::next() {
  if (answering_ || finished_) return {};
  BytesView input = BytesView(unread_).substr(taken_);
  auto request = parse(input);
  if (finished_) return {};
  taken_ = unread_.size() - input.size();
  if (input.empty()) {
    unread_ = Bytes();
    taken_ = 0;
  }
  return request;
}

std::optional<Request> ServerConnection::parse(BytesView& input) {
  for (;;) {
    const auto event = parser_.next(input);
    if (!event) {
      refuse(event.error());
      return {};
    }
    if (event->kind == EventKind::kNeedMore) {
      if (ended_) stop();
      return {};
    }
    if (event->kind == EventKind::kHead && !take_head(!input.empty())) return {};
    if (event->kind == EventKind::kData) request_.body += event->data;
    if (event->kind == EventKind::kEnd) {
      request_.trailers = parser_.trailers();
      answering_ = true;
      return std::exchange(request_, {});
    }
  }
}

bool ServerConnection::take_head(bool body_has_come) {
  request_.head = parser_.head();
  keep_alive_ = parser_.keep_alive();
  head_only_ = request_.head.method == "HEAD";
  minor_version_ = request_.head.minor_version;
  const std::string* expect = request_.head.fields.find("expect");
  if (expect == nullptr || minor_version_ == 0) return true;
  if (!equal_ignoring_case(*expect, "100-continue")) {
    refuse({417, "nothing but 100-continue may be expected"});
    return false;
  }
  if (parser_.has_body() && !body_has_come) output_ += write_head(ResponseHead{.status = 100});
  return true;
}

void ServerConnection::refuse(const HttpError& error) {
  answering_ = true;
  keep_alive_ = head_only_ = false;
  respond(
      {{.status = error.status, .fields = {{"Content-Type", "text/plain; charset=utf-8"}}}, error.message + "\n", {}});
}

void ServerConnection::respond(Response response) {
  ResponseHead& head = response.head;
  const bool has_body = may_have_body(head.status);
  head.fields.remove("transfer-encoding");
  head.fields.remove("content-length");
  if (has_body) head.fields.add("Content-Length", fmt::format("{}", response.body.size()));
  SAGITTA_ASSERT(answering_ && coding_ == Coding::kNone);
  set_connection(head);
  output_ += write_head(head);
  if (has_body && !head_only_) output_ += response.body;
  finish_answer();
}

void ServerConnection::begin_response(ResponseHead head) {
  SAGITTA_ASSERT(answering_ && coding_ == Coding::kNone);
  head.fields.remove("transfer-encoding");
  const std::string* length = head.fields.find("content-length");
  if (length != nullptr || !may_have_body(head.status)) {
    coding_ = Coding::kLength;
    left_ = 0;
    if (length != nullptr) std::from_chars(length->data(), length->data() + length->size(), left_);
    if (head_only_ || !may_have_body(head.status)) left_ = 0;
  } else if (minor_version_ == 0) {
    coding_ = Coding::kUntilClose;
    keep_alive_ = false;
  } else {
    coding_ = Coding::kChunked;
    head.fields.add("Transfer-Encoding", "chunked");
  }
  set_connection(head);
  output_ += write_head(head);
}

void ServerConnection::write(BytesView data) {
  SAGITTA_ASSERT(coding_ != Coding::kNone);
  if (head_only_) return;
  if (coding_ == Coding::kLength) {
    SAGITTA_ASSERT(data.size() <= left_);
    left_ -= data.size();
  }
  output_ += coding_ == Coding::kChunked ? write_chunk(data) : Bytes(data);
}

void ServerConnection::end_response(const Fields& trailers) {
  SAGITTA_ASSERT(coding_ != Coding::kNone && (coding_ != Coding::kLength || left_ == 0));
  if (coding_ == Coding::kChunked && !head_only_) output_ += write_last_chunk(trailers);
  coding_ = Coding::kNone;
  finish_answer();
}

void ServerConnection::abort_response() {
  SAGITTA_ASSERT(coding_ != Coding::kNone);
  coding_ = Coding::kNone;
  keep_alive_ = false;
  finish_answer();
}

void ServerConnection::set_connection(ResponseHead& head) {
  keep_alive_ = keep_alive_ && !stopping_ && !head.fields.has_token("connection", "close");
  head.fields.set("Connection", keep_alive_ ? "keep-alive" : "close");
  head.minor_version = 1;
}

void ServerConnection::finish_answer() {
  answering_ = false;
  if (!keep_alive_ || stopping_) stop();
}

void ServerConnection::stop() {
  stopping_ = true;
  if (answering_) return;
  finished_ = true;
  unread_ = Bytes();
  request_ = {};
  taken_ = 0;
}

}  // namespace sagitta::http
