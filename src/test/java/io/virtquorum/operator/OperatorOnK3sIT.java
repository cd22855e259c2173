package io.virtquorum.operator;

import io.virtquorum.testing.OnK3s;

/** The same tests against k3s, whose controllers see the operator's objects too. */
@OnK3s
class OperatorOnK3sIT extends OperatorIT {}
