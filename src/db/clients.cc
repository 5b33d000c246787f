/// A register that clients enter and leave.
#include "clients.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace sagitta::db {

Client::Client(std::string address, uint16_t port, std::function<void(const Client&)> at_end)
    : at_end_(std::move(at_end)), facts_{.address = std::move(address), .port = port} {}

Client::~Client() {
  if (at_end_) at_end_(*this);
}

void Client::start(int protocol_version, std::map<std::string, std::string> options) {
  std::lock_guard lock(mutex_);
  facts_.protocol_version = protocol_version;
  facts_.options = std::move(options);
}

void Client::use(std::string keyspace) {
  std::lock_guard lock(mutex_);
  facts_.keyspace = std::move(keyspace);
}

ClientFacts Client::facts() const {
  std::lock_guard lock(mutex_);
  return facts_;
}

std::string Client::endpoint() const {
  std::lock_guard lock(mutex_);
  const bool is_v6 = facts_.address.contains(':');
  return is_v6 ? fmt::format("[{}]:{}", facts_.address, facts_.port)
               : fmt::format("{}:{}", facts_.address, facts_.port);
}

struct Clients::Register {
  std::mutex mutex;
  std::set<const Client*> clients;
};

Clients::Clients() : register_(std::make_shared<Register>()) {}

ClientPtr Clients::connect(std::string address, uint16_t port) {
  auto client = std::make_shared<Client>(std::move(address), port, [in = register_](const Client& gone) {
    std::lock_guard lock(in->mutex);
    in->clients.erase(&gone);
  });
  std::lock_guard lock(register_->mutex);
  register_->clients.insert(client.get());
  return client;
}

std::vector<Clients::Entry> Clients::all() const {
  std::lock_guard lock(register_->mutex);
  std::vector<Entry> all;
  for (const Client* client : register_->clients) all.push_back({client->facts(), client->requests()});
  return all;
}

}  // namespace sagitta::db
