#ifndef PEREGRINE_SERVER_CONNECTIONS_FILE_LIMIT_H_
#define PEREGRINE_SERVER_CONNECTIONS_FILE_LIMIT_H_

namespace peregrine::server {

// Lets this process open as many files as it is allowed to (the hard limit, of
// which the soft one is often a small part); how many these are.
int RaiseFileLimit();

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_FILE_LIMIT_H_
