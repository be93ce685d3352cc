// translate HOST:PORT TEXT
// Retries need GRPC_GO_RETRY=on before version 1.40 of grpc-go (Debian 12 has 1.33).
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // the service config asks servers for it
	pb "peregrine/v1"
)

func main() {
	config, err := os.ReadFile(os.Getenv("SERVICE_CONFIG")) // proto/peregrine/v1/service_config.json
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure(), grpc.WithDefaultServiceConfig(string(config)))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // with all attempts
	defer cancel()
	response, err := pb.NewTranslationServiceClient(connection).Translate(ctx, &pb.TranslateRequest{
		TargetLanguage: "de", Texts: []*pb.Text{{Text: os.Args[2]}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Translations[0].Hypotheses[0].Text)
}
