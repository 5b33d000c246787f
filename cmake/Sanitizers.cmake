# SAGITTA_SANITIZE = "" | "address,undefined" | "thread" | "fuzzer-no-link,address,undefined"
set(SAGITTA_SANITIZE "" CACHE STRING "Sanitizers to build everything with")
if(SAGITTA_SANITIZE)
  add_compile_options(-fsanitize=${SAGITTA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SAGITTA_SANITIZE})
  add_compile_definitions(SAGITTA_SANITIZED)
endif()
