/// Replaces the allocator of a test program by one that counts. Include it in one source of the
/// program, where SAGITTA_SANITIZED is not defined: sanitizers bring allocators of their own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace sagitta::counting {

/// Calls of operator new by the calling thread.
inline thread_local size_t thread_allocations = 0;
/// Calls by all threads, and the bytes that they asked for.
inline std::atomic<size_t> allocations{0}, allocated_bytes{0};

inline void* counted_new(size_t bytes, size_t alignment) {
  ++thread_allocations;
  allocations.fetch_add(1, std::memory_order_relaxed);
  allocated_bytes.fetch_add(bytes, std::memory_order_relaxed);
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace sagitta::counting

void* operator new(size_t bytes) { return sagitta::counting::counted_new(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return sagitta::counting::counted_new(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
