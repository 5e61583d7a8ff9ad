// Package admin is the gRPC front end for operators: quorate.admin.v1.Admin.
//
// Status and Messages are answered from this server's own memory, without a quorum, and to anybody. What
// changes something needs the super identity, if the server has one configured, and otherwise
// has to come from the server's own machine.
package admin
