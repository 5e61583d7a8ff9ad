// Command quorate is the server and the client of Quorate in one binary.
//
// Each verb has a file, which translates flags and arguments and nothing else; what
// the verbs do is in the packages below internal.
package main
