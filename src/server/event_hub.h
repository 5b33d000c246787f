/// Who wants to hear of schema changes, and the telling.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "sagitta/db/database.h"

namespace sagitta::server {

class EventListener {
 public:
  virtual ~EventListener() = default;
  /// Any thread; must not block.
  virtual void on_schema_change(const db::SchemaChangeEvent& event) = 0;
};

/// Thread-safe.
class EventHub {
 public:
  explicit EventHub(db::Database& database)
      : subscription_(database.on_schema_change([this](const db::SchemaChangeEvent& event) { tell(event); })) {}

  /// Until the listener dies.
  void add(std::weak_ptr<EventListener> listener) {
    std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
  }

 private:
  void tell(const db::SchemaChangeEvent& event) {
    std::vector<std::shared_ptr<EventListener>> live;
    {
      std::lock_guard lock(mutex_);
      std::erase_if(listeners_, [&](const auto& weak) {
        auto listener = weak.lock();
        if (listener) live.push_back(std::move(listener));
        return weak.expired();
      });
    }
    for (const auto& listener : live) listener->on_schema_change(event);
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<EventListener>> listeners_;
  std::shared_ptr<void> subscription_;
};

}  // namespace sagitta::server
