package io.virtquorum.api;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.SchemaFrom;
import java.time.Instant;

/**
 * The last change of the primary.
 *
 * @param from the old primary; null if there was none
 * @param to the new primary
 * @param time when it was recorded; users are led to the new one right after that
 * @param reason a sentence on why
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record FailoverStatus(
    @JsonPropertyDescription("The old primary.") String from,
    @JsonPropertyDescription("The new primary.") String to,
    @SchemaFrom(type = String.class)
        @JsonFormat(shape = JsonFormat.Shape.STRING)
        @JsonPropertyDescription(
            "When it was recorded; users are led to the new one right after that.")
        Instant time,
    @JsonPropertyDescription("Why.") String reason) {}
