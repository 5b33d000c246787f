/// The connections that there are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sagitta/db/client.h"

namespace sagitta::db {

/// Thread-safe. Its clients may outlive it.
class Clients {
 public:
  Clients();
  ClientPtr connect(std::string address, uint16_t port);

  struct Entry {
    ClientFacts facts;
    uint64_t requests = 0;
  };
  std::vector<Entry> all() const;

 private:
  struct Register;
  std::shared_ptr<Register> register_;
};

}  // namespace sagitta::db
