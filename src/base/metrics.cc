#include "sagitta/base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>

#include "sagitta/base/listeners.h"

namespace sagitta {
namespace {

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void add(double by) override { counter_.Increment(by); }
  double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void set(double to) override { gauge_.Set(to); }
  void add(double by) override { gauge_.Increment(by); }
  double value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

struct MetricsRegistry::Impl {
  std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  /// By the address of the Prometheus metric, which is the same for the same name and labels.
  std::map<const void*, std::unique_ptr<Counter>> counters;
  std::map<const void*, std::unique_ptr<Gauge>> gauges;
  std::map<const void*, std::unique_ptr<Histogram>> histograms;
  Listeners<> refreshers;
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::counter(const std::string& name, const std::string& help, const MetricLabels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& metric = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels);
  auto& slot = impl_->counters[&metric];
  if (!slot) slot = std::make_unique<PrometheusCounter>(metric);
  return *slot;
}

Gauge& MetricsRegistry::gauge(const std::string& name, const std::string& help, const MetricLabels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& metric = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels);
  auto& slot = impl_->gauges[&metric];
  if (!slot) slot = std::make_unique<PrometheusGauge>(metric);
  return *slot;
}

Histogram& MetricsRegistry::histogram(const std::string& name, const std::string& help,
                                      const std::vector<double>& bounds, const MetricLabels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& metric = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry).Add(labels, bounds);
  auto& slot = impl_->histograms[&metric];
  if (!slot) slot = std::make_unique<PrometheusHistogram>(metric);
  return *slot;
}

std::shared_ptr<void> MetricsRegistry::on_render(std::function<void()> refresh) {
  return impl_->refreshers.add(std::move(refresh));
}

std::string MetricsRegistry::render() {
  impl_->refreshers.call();
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

const std::vector<double>& latency_bounds() {
  static const std::vector<double> kBounds = {50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3,
                                              50e-3, 0.1,    0.2,    0.5,    1,    2,    5,    10};
  return kBounds;
}

}  // namespace sagitta
