/// A server that answers arbitrary bytes: what it writes is HTTP to our own parser, whatever it was
/// asked.
#include <cstdlib>

#include "sagitta/http/gzip.h"
#include "sagitta/http/router.h"
#include "sagitta/http/server_connection.h"
#include "sagitta/http/target.h"

namespace {

using namespace sagitta::http;
using sagitta::Bytes;
using sagitta::BytesView;

void check(bool expression) {
  if (!expression) std::abort();
}

void answer(ServerConnection& server, const Request& request) {
  const auto target = parse_target(request.head.target);
  if (!target || target->find("chunks")) {
    server.begin_response({});
    for (const char& c : request.body) server.write(BytesView(&c, 1));
    server.end_response();
  } else if (target->find("cut")) {
    server.begin_response({});
    server.write(request.body);
    server.abort_response();
  } else {
    const auto body = gunzip(request.body, 4'096);
    check(!body || body->size() <= 4'096);
    server.respond({{.status = body ? 200 : 204}, body.value_or(Bytes()), {}});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Router<int> router;
  router.add("GET", "/a/{b}/{c...}", 1);
  ServerConnection server({.head_bytes_max = 512, .fields_max = 8, .body_bytes_max = 1'024});
  BytesView bytes(reinterpret_cast<const char*>(data), size);
  Bytes output;
  ResponseParser parser({.head_bytes_max = 64 << 10, .fields_max = 1'000, .body_bytes_max = UINT64_MAX});
  bool cut = false;
  while (!bytes.empty() && !server.is_finished()) {
    server.receive(bytes.substr(0, 13));
    bytes.remove_prefix(std::min<size_t>(bytes.size(), 13));
    while (auto request = server.next()) {
      router.match(request->head.method, request->head.target);
      parser.expect(request->head.method);
      answer(server, *request);
      output = server.take_output();
      for (BytesView input = output; !input.empty() && !cut;) {
        const auto event = parser.next(input);
        check(event.has_value());
        if (event->kind == EventKind::kEnd) break;
      }
      cut = server.is_finished();
    }
  }
  check(!server.is_finished() || server.held_bytes() == 0);
  return 0;
}
