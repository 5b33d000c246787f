// Entering, leaving and advancing epochs.
#include "epoch_gate.h"

#include <utility>

namespace sagitta::ann {

Pin::Pin(Pin&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), epoch_(other.epoch_) {}

Pin& Pin::operator=(Pin&& other) noexcept {
  std::swap(gate_, other.gate_);
  std::swap(epoch_, other.epoch_);
  return *this;
}

Pin::~Pin() {
  if (gate_ != nullptr) gate_->leave(epoch_);
}

Pin EpochGate::enter() {
  while (true) {
    const uint64_t now = epoch_.load();
    readers(now).fetch_add(1);
    // If the epoch has advanced in between, a writer may have read the counter before this reader
    // was in it.
    if (epoch_.load() == now) return Pin(this, now);
    readers(now).fetch_sub(1);
  }
}

bool EpochGate::try_advance() {
  const uint64_t now = epoch_.load();
  if (readers(now - 1).load() != 0) return false;
  epoch_.store(now + 1);
  return true;
}

}  // namespace sagitta::ann
