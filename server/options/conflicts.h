#ifndef PEREGRINE_SERVER_OPTIONS_CONFLICTS_H_
#define PEREGRINE_SERVER_OPTIONS_CONFLICTS_H_

#include <string>

#include "server/options/config.h"

namespace peregrine::server {

// What flags must satisfy together, for want of which the server would start
// and serve nobody. Empty: all well; else the flags, what was found and what is
// allowed.
std::string FindConflict(const Config& config);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_CONFLICTS_H_
