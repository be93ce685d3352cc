#ifndef PEREGRINE_SERVER_OPTIONS_ROUTE_OPTIONS_H_
#define PEREGRINE_SERVER_OPTIONS_ROUTE_OPTIONS_H_

#include <string>
#include <vector>

namespace peregrine::server {

// Of several models that translate a pair, the one to take.
struct PreferredModel {
  std::string source;
  std::string target;
  std::string model;
};

// Among RouteOptions::pivots: any language.
inline constexpr char kAnyPivot[] = "any";

// How a request that names languages, and no model, finds one.
struct RouteOptions {
  std::vector<PreferredModel> preferred;
  // Taken where a source language cannot be detected; empty: such a request is
  // refused.
  std::string default_source;
  // Languages over which a pair is translated that no model translates, in this
  // order.
  std::vector<std::string> pivots = {"en", kAnyPivot};
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_ROUTE_OPTIONS_H_
