#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_DIRECTORY_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/json_object.h"

namespace peregrine::formats {

// Which files of a directory are what of a model of Marian. The decoder's
// configuration says it: the .yml with a list `models`, which is decoder.yml or
// config.yml where there are several. Of the paths in it the file names count
// alone: they are looked for in the directory. Without it, the files' names
// say it.
class MarianDirectory {
 public:
  // NOT_FOUND, INVALID_ARGUMENT or UNIMPLEMENTED (an ensemble of models).
  // `path` may be a decoder's configuration: of a training that left several,
  // as model.npz.best-bleu.npz.decoder.yml. What that names and its directory
  // lacks is looked for where it says.
  static absl::StatusOr<MarianDirectory> Open(const std::string& path);

  // Whether there is any such file, or it is one.
  static bool IsOne(const std::string& path);

  const std::string& directory() const { return directory_; }

  // Paths.
  const std::string& weights() const { return weights_; }
  const std::string& source_vocabulary() const { return source_vocabulary_; }
  const std::string& target_vocabulary() const { return target_vocabulary_; }
  const std::string& shortlist() const { return shortlist_; }  // may be empty

  // The decoder's configuration and its path, {} and "" where there is none.
  const Json& decoder() const { return decoder_; }
  const std::string& decoder_path() const { return decoder_path_; }

  std::string Path(absl::string_view file) const;

 private:
  absl::Status ReadDecoder();
  absl::Status FindWeights();
  absl::Status FindVocabularies();
  absl::Status FindShortlist();
  absl::StatusOr<std::vector<std::string>> FilesOf(const char* field) const;
  std::string Place(const std::string& file) const;
  absl::Status CheckThere(const std::string& path, const char* what) const;

  std::string directory_;
  std::vector<std::string> names_;  // of all files, sorted
  Json decoder_ = Json::object();
  std::string decoder_path_;
  bool is_given_ = false;  // the configuration, as the model
  std::string weights_;
  std::string source_vocabulary_;
  std::string target_vocabulary_;
  std::string shortlist_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_DIRECTORY_H_
