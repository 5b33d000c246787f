#include "sagitta/base/random.h"

namespace sagitta {
namespace {

std::mt19937_64 seeded_by_system() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

SystemRandom::SystemRandom() : engine_(seeded_by_system()) {}

uint64_t SystemRandom::next() {
  std::lock_guard lock(mutex_);
  return engine_();
}

}  // namespace sagitta
