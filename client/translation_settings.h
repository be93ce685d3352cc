#ifndef PEREGRINE_CLIENT_TRANSLATION_SETTINGS_H_
#define PEREGRINE_CLIENT_TRANSLATION_SETTINGS_H_

#include <string>

#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

// How to translate. What is not set is left to the server; see the contract,
// proto/peregrine/v1/translation.proto.
struct TranslationSettings {
  std::string model;
  v1::DecodingOptions decoding;
  bool single_sentence = false;
  v1::TextOptions text;
  std::string source_language;
  std::string target_language;
  v1::Priority priority = v1::PRIORITY_UNSPECIFIED;
  bool no_cache = false;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_TRANSLATION_SETTINGS_H_
