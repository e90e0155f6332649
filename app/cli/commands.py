"""The commands' names and import paths, so that a command is imported only when it is used."""

COMMANDS = {
    "serve": "app.cli.serve:serve",
    "db": "app.cli.operator.db:db",
    "user": "app.cli.operator.users:user",
    "channel": "app.cli.operator.channels:channel",
    "member": "app.cli.operator.members:member",
    "session": "app.cli.operator.sessions:session",
    "token": "app.cli.operator.tokens:token",
    "publish": "app.cli.client.publish:publish",
    "watch": "app.cli.client.watch:watch",
    "doctor": "app.cli.operator.doctor:doctor",
}
