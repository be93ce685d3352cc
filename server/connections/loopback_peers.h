#ifndef PEREGRINE_SERVER_CONNECTIONS_LOOPBACK_PEERS_H_
#define PEREGRINE_SERVER_CONNECTIONS_LOOPBACK_PEERS_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "server/connections/peer_accounts.h"

namespace peregrine::server {

// For tests: real connections over loopback, in accounts; what the kernel
// counts is what counts.
class LoopbackPeers : public ::testing::Test {
 protected:
  LoopbackPeers() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 10);
    socklen_t size = sizeof(address_);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~LoopbackPeers() override {
    for (int fd : {listener_, client_, server_}) {
      if (fd >= 0) close(fd);
    }
  }

  struct Connection {
    int client;
    int server;
    std::string peer;
  };
  // Which has sent so many bytes.
  Connection Connect(size_t bytes) {
    Connection connection;
    connection.client = socket(AF_INET, SOCK_STREAM, 0);
    connect(connection.client, reinterpret_cast<sockaddr*>(&address_),
            sizeof(address_));
    sockaddr_storage peer = {};
    socklen_t size = sizeof(peer);
    connection.server =
        accept(listener_, reinterpret_cast<sockaddr*>(&peer), &size);
    connection.peer = PeerAccounts::NameOf(peer);
    accounts_.Add(connection.peer, connection.server);
    Send(connection, bytes);
    return connection;
  }
  static void Send(const Connection& connection, size_t bytes) {
    std::string buffer(16384, 'x');  // what fits between the two
    for (size_t left = bytes; left > 0;) {
      const size_t part = std::min(left, buffer.size());
      send(connection.client, buffer.data(), part, 0);
      recv(connection.server, buffer.data(), part, MSG_WAITALL);
      left -= part;
    }
  }
  static bool IsShutDown(const Connection& connection) {
    char byte;
    return recv(connection.client, &byte, 1, MSG_DONTWAIT) == 0;
  }
  static void Close(const Connection& connection) {
    close(connection.client);
    close(connection.server);
  }

  int listener_ = -1, client_ = -1, server_ = -1;
  sockaddr_in address_ = {};
  PeerAccounts accounts_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_LOOPBACK_PEERS_H_
