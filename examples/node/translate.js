// npm install @grpc/grpc-js @grpc/proto-loader; node translate.js HOST:PORT TEXT
const fs = require("node:fs");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const proto = "../../proto";
const {peregrine} = grpc.loadPackageDefinition(
    loader.loadSync("peregrine/v1/translation.proto", {includeDirs: [proto], enums: String}));
const config = fs.readFileSync(`${proto}/peregrine/v1/service_config.json`, "utf8");
const [address, text] = process.argv.slice(2);
const client = new peregrine.v1.TranslationService(address, grpc.credentials.createInsecure(),
    {"grpc.service_config": config});  // retries are on by default
const deadline = Date.now() + 10000;   // with all attempts
client.translate({targetLanguage: "de", texts: [{text}]}, {deadline}, (error, response) => {
  if (error) throw error;
  console.log(response.translations[0].hypotheses[0].text);
});
