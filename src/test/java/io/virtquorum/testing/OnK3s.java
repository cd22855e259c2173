package io.virtquorum.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.testcontainers.junit.jupiter.Testcontainers;

/**
 * {@link ApiServer} gives this class a k3s in a container: a whole Kubernetes, with controllers,
 * instead of an API server alone. Skipped, and reported so, where there is no Docker engine.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@Testcontainers(disabledWithoutDocker = true)
public @interface OnK3s {}
