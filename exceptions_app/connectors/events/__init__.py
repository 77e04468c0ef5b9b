"""Events that systems send: webhooks, CloudEvents, messages of a broker."""
