// Package admin is the gRPC front end for operators: quorate.admin.v1.Admin.
//
// Status is answered from this server's own memory, without a quorum. What
// changes something needs the super identity, if the server has one configured.
package admin
