// Prints the proxy that Go's HTTP client, which is kubectl's, uses for each address in the arguments; "-" for none.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	for _, address := range os.Args[1:] {
		request, err := http.NewRequest("GET", address, nil)
		if err != nil {
			fmt.Println("error")
			continue
		}
		proxy, err := http.ProxyFromEnvironment(request)
		switch {
		case err != nil:
			fmt.Println("error")
		case proxy == nil:
			fmt.Println("-")
		default:
			fmt.Println(proxy)
		}
	}
}
