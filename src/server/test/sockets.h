/// Blocking sockets: what a client of the running server sees.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sagitta/async/runtime.h"
#include "sagitta/base/bytes.h"

namespace sagitta::server::test {

class NoHandler final : public async::ConnectionHandler {
 public:
  void on_data(BytesView) override {}
  void on_end() override {}
  void on_stop() override {}
  void on_closed() override {}
};

/// A port of 127.0.0.1 that nobody listens on.
inline async::Endpoint spare_endpoint() {
  MetricsRegistry metrics;
  const auto no_handler = [](const async::ConnectionPtr&) { return std::make_unique<NoHandler>(); };
  return async::make_runtime(1, metrics)->listen({{"127.0.0.1", 0}, "spare"}, no_handler).value();
}

/// Less than 0 when nobody listens there.
inline int try_connect(uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

inline int connect_to(uint16_t port) {
  const int socket = try_connect(port);
  EXPECT_GE(socket, 0);
  return socket;
}

/// All that the server says to `request` until it closes.
inline Bytes ask(uint16_t port, BytesView request) {
  const int socket = connect_to(port);
  EXPECT_EQ(::send(socket, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  Bytes all(65536, '\0');
  const ssize_t got = ::recv(socket, all.data(), all.size(), MSG_WAITALL);
  all.resize(got > 0 ? static_cast<size_t>(got) : 0);
  ::close(socket);
  return all;
}

inline Bytes get_page(uint16_t port, BytesView path) {
  return ask(port, "GET " + Bytes(path) + " HTTP/1.1\r\nConnection: close\r\n\r\n");
}

}  // namespace sagitta::server::test
