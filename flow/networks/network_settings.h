#pragma once
// What fixes a network's parameters, stored with each checkpoint: the kind of network, the samples and conditions it
// works on, and the kind's own options. No LibTorch here: settings are read, compared and checked without it.
// Thread-safety: plain values; options are shared and never changed.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/condition_spec.h"
#include "core/config_fields.h"
#include "core/sample_shape.h"

namespace pathline::flow {

class VelocityNetwork;
struct NetworkSettings;

/// The options of one kind of network, and what is done with them. Each kind derives its own in flow/networks/KIND/
/// (from NetworkOptionsOf) and has a line in registry.cpp.
class NetworkOptions {
 public:
  virtual ~NetworkOptions() = default;
  /// Shows each option to `f` under its configuration key, "network.NAME". They are configuration keys where the kind
  /// is chosen, and members of the network's JSON.
  virtual void fields(FieldVisitor& f) = 0;
  /// Whether the options fit together, and the kind can do `settings.shape` and `settings.condition`: Error(usage) with
  /// the configuration key at fault as its place. `settings.options` is this object, its numbers within their ranges.
  /// What passes can be built.
  virtual void check(const NetworkSettings& settings) const = 0;
  /// The network, its parameters made by make_parameter() (flow/networks/layers/layers.h). REQUIRES that check()
  /// passed.
  virtual std::shared_ptr<VelocityNetwork> make(const NetworkSettings& settings) const = 0;
  virtual std::unique_ptr<NetworkOptions> clone() const = 0;
};

template <class Options>
class NetworkOptionsOf : public NetworkOptions {
 public:
  std::unique_ptr<NetworkOptions> clone() const override {
    return std::make_unique<Options>(static_cast<const Options&>(*this));
  }
};

struct NetworkSettings {
  std::string kind;  ///< a name of network_kinds(); empty: no network yet
  SampleShape shape;
  ConditionSpec condition;
  std::shared_ptr<const NetworkOptions> options;  ///< of `kind`

  /// Of the label among the conditions; 0: there is none.
  std::int64_t classes() const;
  /// Whether that label has a value "not given", for classifier-free guidance.
  bool null_class() const;
  bool operator==(const NetworkSettings& other) const;
};

/// A class label alone, as data sets have it; nothing where `classes` is 0.
ConditionSpec label_condition(std::int64_t classes, bool has_null = false);

/// Adds network.kind, network.classes and the keys of every kind, which exist where it is chosen.
void declare_network_keys(ConfigSchema& schema);
/// [network]: kind, options, and the label that network.classes asks for; without a shape, which the data know.
/// `label_may_lack`: the network is to know "no label", too.
NetworkSettings read_network(const Config& config, bool label_may_lack);

/// Throws Error(usage), at a configuration key, for settings of which no network can be made.
void check_network(const NetworkSettings& settings);
/// The same, at the place in file or command line that the key got its value from.
void check_network(const NetworkSettings& settings, const Config& config);

}  // namespace pathline::flow
