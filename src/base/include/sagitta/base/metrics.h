/// Counters, gauges and histograms, shown as Prometheus text at /metrics. Names are snake_case,
/// begin with sagitta_, and end with their unit (_total, _bytes, _seconds).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sagitta {

using MetricLabels = std::map<std::string, std::string>;

/// Only goes up. Thread-safe; one relaxed atomic add.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double by = 1) = 0;
  virtual double value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double to) = 0;
  virtual void add(double by) = 0;
  virtual double value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

/// Owns the metrics it hands out; references stay valid as long as it lives. Asking twice for the
/// same name and labels gives the same metric. Thread-safe; keep the reference, do not ask on a hot
/// path.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  Counter& counter(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const MetricLabels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                       const MetricLabels& labels = {});
  /// Called before each rendering, to set gauges that are read rather than counted. Destroy the
  /// handle to stop (see Listeners).
  [[nodiscard]] std::shared_ptr<void> on_render(std::function<void()> refresh);
  /// The Prometheus text exposition of all metrics.
  std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Upper bounds in seconds for latencies from 50 µs to 10 s.
const std::vector<double>& latency_bounds();

}  // namespace sagitta
