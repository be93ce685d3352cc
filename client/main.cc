#include <unistd.h>

#include <iostream>

#include "client/command_line.h"

// SIGINT, SIGTERM and SIGPIPE keep their usual meaning: what is written until
// then is whole lines.
int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const peregrine::client::Console console{
      STDIN_FILENO, isatty(STDIN_FILENO) == 1,
      &std::cout,   isatty(STDOUT_FILENO) == 1,
      &std::cerr,   isatty(STDERR_FILENO) == 1};
  return peregrine::client::RunCommandLine(argc, argv, console);
}
