/// Uuids as keys of hash tables.
#pragma once

#include <functional>

#include "sagitta/base/bytes.h"
#include "sagitta/base/uuid.h"

namespace sagitta::replica {

struct UuidHash {
  size_t operator()(const Uuid& id) const {
    return std::hash<BytesView>()({reinterpret_cast<const char*>(id.octets.data()), id.octets.size()});
  }
};

}  // namespace sagitta::replica
