// translate HOST:PORT TEXT
#include <iostream>

#include "client/translation_client.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  peregrine::client::ClientOptions options;
  options.deadline = absl::Seconds(10);  // with all attempts, 4 of them
  const peregrine::client::TranslationClient client(argv[1], options);
  peregrine::client::TranslationSettings settings;
  settings.target_language = "de";
  const auto response = client.Translate({argv[2]}, settings);
  if (!response.ok()) {
    std::cerr << response.status() << "\n";
    return 1;
  }
  std::cout << response->translations(0).hypotheses(0).text() << "\n";
}
