#ifndef PEREGRINE_SERVER_PROCESS_ALLOCATOR_H_
#define PEREGRINE_SERVER_PROCESS_ALLOCATOR_H_

namespace peregrine::server {

// Has the C library give large blocks back to the system as soon as they are
// freed. By default it keeps ever larger ones, in a pool for each thread, and
// a server whose models are reloaded would grow to several times its size.
// Call before any thread starts.
void ConfigureAllocator();

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_ALLOCATOR_H_
