#ifndef PEREGRINE_COMPARE_BLEU_H_
#define PEREGRINE_COMPARE_BLEU_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace peregrine::compare {

// The tokens of mteval-v13a, as sacreBLEU has them, of a line of UTF-8.
std::vector<std::string> Tokenize13a(absl::string_view text);

// Corpus BLEU with one reference, 0 to 100. Equal to sacreBLEU's
// nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp (goldens in testdata/). As many
// hypotheses as references.
double CorpusBleu(const std::vector<std::string>& hypotheses,
                  const std::vector<std::string>& references);

// That signature.
inline constexpr char kBleuSignature[] =
    "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp";

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_BLEU_H_
