#ifndef PEREGRINE_SERVER_SERVICE_PIVOT_H_
#define PEREGRINE_SERVER_SERVICE_PIVOT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/service/request_checks.h"
#include "server/service/translation.h"

// What becomes of a text that two models translate in a row: from its language
// into one in between, and from that into the one that is asked for.
namespace peregrine::server {

// What the first model is asked. It sees what keeps a text whole (format,
// protected spans, terms, which it leaves as they are for the second model)
// and how thoroughly to search; all that is asked of the translation itself is
// asked of the second model.
TextRequest FirstLegOf(const TextRequest& request);

// Options that need one model.
void CheckPivotOptions(const RequestOptions& options, const std::string& path,
                       Violations& violations);

// Where the protected ranges of `source` stand in what the first model made of
// it. What is lost is not there.
std::vector<document::ByteRange> RangesIn(
    absl::string_view intermediate, absl::string_view source,
    const std::vector<document::ByteRange>& ranges);

// Makes the translation that of both: its flags and cost hold for all the way,
// its ranges are those of the source.
void AddFirstLeg(TranslatedText first, TranslatedText& translated);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_PIVOT_H_
