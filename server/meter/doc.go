// Package meter bounds how many requests a second each client makes.
package meter
