/// The list of those who want to be called when something happens.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace sagitta {

/// Thread-safe; handles may outlive the list. A listener is called by one thread at a time.
template <class... Args>
class Listeners {
 public:
  using Listener = std::function<void(const Args&...)>;

  /// Returns a handle; destroy it to stop. Its destructor waits for a call under way, so that no
  /// call is under way when it returns, and none begins later; hold no lock in it that the listener
  /// takes. A listener may destroy its own handle: then its call is the last.
  [[nodiscard]] std::shared_ptr<void> add(Listener listener) {
    auto entry = std::make_shared<Entry>(std::move(listener));
    {
      std::lock_guard lock(mutex_);
      if (entries_.size() == entries_.capacity()) {
        std::erase_if(entries_, [](const auto& weak) { return weak.expired(); });
      }
      entries_.push_back(entry);
    }
    return {entry.get(), [entry](void*) { entry->stop(); }};
  }

  /// Calls each listener in the order in which they came. One that is added meanwhile may be left
  /// out.
  void call(const Args&... args) {
    std::vector<std::shared_ptr<Entry>> live;
    {
      std::lock_guard lock(mutex_);
      for (const auto& weak : entries_) {
        if (auto entry = weak.lock()) live.push_back(std::move(entry));
      }
    }
    for (const auto& entry : live) entry->call(args...);
  }

 private:
  class Entry {
   public:
    explicit Entry(Listener listener) : listener_(std::move(listener)) {}
    void call(const Args&... args) {
      std::lock_guard lock(mutex_);
      if (!stopped_) listener_(args...);
    }
    void stop() {
      std::lock_guard lock(mutex_);
      stopped_ = true;
    }

   private:
    std::recursive_mutex mutex_;  ///< held during a call; recursive for the listener that stops itself
    bool stopped_ = false;
    const Listener listener_;
  };

  std::mutex mutex_;
  std::vector<std::weak_ptr<Entry>> entries_;
};

}  // namespace sagitta
